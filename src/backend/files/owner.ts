import { readlinkSync, type Stats } from 'node:fs'
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

/**
 * Only if the open file is where its path says: the folder's owner may have put a link into the path, to be given a file
 * elsewhere. If root may not, as on some network file systems, the file stays root's.
 */
export async function giveTo(owner: Owner, fd: number, path: string): Promise<void> {
  if (placeOf(fd) === path) await sys.chown(fd, owner).catch(() => {})
}

/** Null where the system does not show it. */
function placeOf(fd: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return null
  }
}
