import type { Stats } from 'node:fs'
import { basename } from 'node:path'
import { errnoOf, Refusal, sys } from './system-calls.ts'

/** Puts the names in a directory on stable storage. An fsync that failed is not tried again: its caller fails. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = await sys.openDirectory(path)
  try {
    await sys.fsync(fd)
  } finally {
    await sys.close(fd)
  }
}

/** Makes a directory, or finds it made. Symbolic links and anything else of that name are refused. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await sys.mkdir(path)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    await checkDirectory(path)
  }
}

/** Refuses symbolic links, through which bytes would go elsewhere, and anything else that is no directory. */
export async function checkDirectory(path: string): Promise<Stats> {
  const stats = await sys.lstat(path)
  if (stats.isSymbolicLink()) {
    throw new Refusal(
      'ELOOP',
      `"${basename(path)}" is a symbolic link; put the directory itself there, or give its path`,
    )
  }
  if (!stats.isDirectory()) throw new Refusal('ENOTDIR', `"${basename(path)}" is no directory; remove it`)
  return stats
}
