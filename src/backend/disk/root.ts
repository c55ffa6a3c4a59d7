import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../files/directory.ts'
import { errnoOf, Refusal, sys } from '../files/system-calls.ts'

/**
 * Creates the root, and its parents where they are missing, and resolves with its path without symbolic links. The root
 * and its parents may be links: where the store lies is its host's choice. One that leads nowhere is refused, and its target
 * is not made: most likely a volume is not mounted.
 */
export async function makeRoot(path: string): Promise<string> {
  try {
    return await sys.realpath(path)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ELOOP') throw new Refusal('ELOOP', `the symbolic links of "${basename(path)}" lead in a circle`)
    if (code !== 'ENOENT') throw error
    // Between the two, another process may have made it.
    if (await isThere(path)) return makeRoot(path)
  }
  const real = join(await makeRoot(dirname(path)), basename(path))
  try {
    await sys.mkdir(real)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return makeRoot(path) // another process was quicker
  }
  return real
}

/** @throws for a symbolic link, which leads nowhere if its `realpath` is not there */
async function isThere(path: string): Promise<boolean> {
  try {
    if (!(await sys.lstat(path)).isSymbolicLink()) return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
  throw new Refusal(
    'ENOENT',
    `"${basename(path)}" is a symbolic link that leads nowhere; is its volume mounted? Else make its target, or remove it`,
  )
}

/**
 * Puts the names that lead to the root on stable storage, up to where its file system is mounted. At each opening: whoever
 * made a directory may have died before its fsync, and nobody can see that. A parent that may not be read is not of this
 * user's making.
 */
export async function syncParents(root: string): Promise<void> {
  const { dev } = await sys.lstat(root)
  for (let path = dirname(root); ; path = dirname(path)) {
    try {
      if ((await sys.lstat(path)).dev !== dev) return
      await syncDirectory(path)
    } catch (error) {
      if (!notOurs.has(errnoOf(error) ?? '')) throw error
    }
    if (path === dirname(path)) return
  }
}

/** May not be read, or is on a file system that cannot be written to, and so has nothing to sync. */
const notOurs: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])
