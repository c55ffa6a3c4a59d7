import type { Stats } from 'node:fs'
import { lstat, mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { checkDirectory } from '../files/directory.ts'
import { Refusal } from '../files/system-calls.ts'

/**
 * Belongs to this user alone: another user who could write there would choose what is stored. Named by number, because
 * a container's user may have no name.
 */
export function defaultSpoolDirectory(): string {
  return `${tmpdir()}/pds-blobstore-spool-${process.geteuid?.() ?? -1}`
}

/**
 * Creates the directory if it is missing, and checks it. To be called before each use: in a shared folder such as
 * `/tmp`, cleaners delete what was not used for long, and then another user may create one of that name. It may be a
 * symbolic link if this user or root created that; other users could create one too.
 */
export async function openSpoolDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const own = process.geteuid?.()
  const link = await lstat(path)
  const isTrusted = link.isSymbolicLink() && (link.uid === own || link.uid === 0)
  const stats = isTrusted ? await checkTarget(path) : await checkDirectory(path)
  if (own === undefined) return
  if ((stats.uid !== own && stats.uid !== 0) || (stats.mode & 0o002) !== 0 || !isOurGroup(stats)) {
    throw new Refusal(
      'EPERM',
      'other users may write to the directory for spools; give a directory of this user’s own, which may be inside it (spoolDirectory)',
    )
  }
}

/**
 * Whether no group may write there, or only the group that a volume was given to for this process. Kubernetes does that
 * with `fsGroup`, and marks it with the bit that new files inherit.
 */
function isOurGroup({ uid, gid, mode }: Stats): boolean {
  if ((mode & 0o020) === 0) return true
  const isOurs = process.getegid?.() === gid || process.getgroups?.().includes(gid) === true
  return isOurs && (uid === 0 || (mode & 0o2000) !== 0)
}

async function checkTarget(path: string) {
  const stats = await stat(path)
  if (!stats.isDirectory())
    throw new Refusal('ENOTDIR', `"${basename(path)}" does not lead to a directory; move it elsewhere`)
  return stats
}
