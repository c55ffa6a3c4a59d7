import type { Stats } from 'node:fs'
import { sys } from './system-calls.ts'

/** A user and a group, by their numbers. */
export interface Owner {
  uid: number
  gid: number
}

/**
 * Who is to own what this process makes in a folder; null for the process itself. What root makes there, by a command
 * beside the host, would be closed to the host. So it gets the folder's owner, as the files that SQLite makes beside a
 * database do.
 */
export function ownerIn({ uid, gid }: Stats): Owner | null {
  return process.geteuid?.() === 0 && uid !== 0 ? { uid, gid } : null
}

/** If root may not, as on some network file systems, the file stays root's. */
export async function giveTo(owner: Owner, fd: number): Promise<void> {
  await sys.chown(fd, owner).catch(() => {})
}
