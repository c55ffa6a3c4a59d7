import type { Stats } from 'node:fs'
import { basename } from 'node:path'
import { giveTo, type Owner } from './owner.ts'
import { errnoOf, Refusal, sys } from './system-calls.ts'

/** Puts the names in a directory on stable storage. A failed fsync is not retried: the caller fails. */
export function syncDirectory(path: string): Promise<void> {
  return onDirectory(path, sys.fsync)
}

async function onDirectory(path: string, call: (fd: number) => Promise<void>): Promise<void> {
  const fd = await sys.openDirectory(path)
  try {
    await call(fd)
  } finally {
    await sys.close(fd)
  }
}

/** Creates a directory, unless it exists. Refuses symbolic links and anything else of that name. */
export async function makeDirectory(path: string, owner: Owner | null = null): Promise<void> {
  try {
    await sys.mkdir(path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    // One that is root's is of a root that was killed before the next step.
    if ((await checkDirectory(path)).uid !== 0) return
  }
  if (owner) await onDirectory(path, (fd) => giveTo(owner, fd, path))
}

/** Refuses symbolic links, which would redirect bytes, and anything else that is not a directory. */
export async function checkDirectory(path: string): Promise<Stats> {
  const stats = await sys.lstat(path)
  if (stats.isSymbolicLink()) {
    throw new Refusal(
      'ELOOP',
      `"${basename(path)}" is a symbolic link; put the directory itself there, or give its path`,
    )
  }
  if (!stats.isDirectory()) throw new Refusal('ENOTDIR', `"${basename(path)}" is not a directory; move it elsewhere`)
  return stats
}
