import type { Stats } from 'node:fs'
import { lstat, mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { checkDirectory } from '../files/directory.ts'
import { Refusal } from '../files/system-calls.ts'

/**
 * Of this user alone: another user who could write there would choose what is stored. By the number, for a container's user may
 * have no name.
 */
export function defaultSpoolDirectory(): string {
  return `${tmpdir()}/pds-blobstore-spool-${process.geteuid?.() ?? -1}`
}

/**
 * Makes it where it is missing, and checks it. To be called before each use: in a folder for all, such as `/tmp`, cleaners take
 * what was not used for long, and then another user may create one of that name. It may be a symbolic link, where this user or
 * root has made that: others make some too.
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
      'others may write to the directory for spools; give one of the user’s own, which may be made in it (spoolDirectory)',
    )
  }
}

/**
 * Whether no group may write there, or one that a volume was given to for this process: as Kubernetes does by `fsGroup`, and
 * marks it by the bit that new files inherit.
 */
function isOurGroup({ uid, gid, mode }: Stats): boolean {
  if ((mode & 0o020) === 0) return true
  const isOurs = process.getegid?.() === gid || process.getgroups?.().includes(gid) === true
  return isOurs && (uid === 0 || (mode & 0o2000) !== 0)
}

async function checkTarget(path: string) {
  const stats = await stat(path)
  if (!stats.isDirectory()) throw new Refusal('ENOTDIR', `"${basename(path)}" leads to no directory; remove it`)
  return stats
}
