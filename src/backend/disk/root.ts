import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../files/directory.ts'
import { errnoOf, Refusal, sys } from '../files/system-calls.ts'

/**
 * Creates the root and missing parents, and resolves with its path without symbolic links. The root and its parents may
 * be links: the host chooses where the store is. A dangling link is refused, and its target not created: most likely a
 * volume is not mounted.
 */
export async function makeRoot(path: string): Promise<string> {
  try {
    return await sys.realpath(path)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ELOOP') throw new Refusal('ELOOP', `the symbolic links of "${basename(path)}" form a loop`)
    if (code !== 'ENOENT') throw error
    // Another process may have created it meanwhile.
    if (await isThere(path)) return makeRoot(path)
  }
  const real = join(await makeRoot(dirname(path)), basename(path))
  try {
    await sys.mkdir(real)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    return makeRoot(path) // another process created it first
  }
  return real
}

/** @throws for a symbolic link; if its `realpath` does not exist, the link is dangling */
async function isThere(path: string): Promise<boolean> {
  try {
    if (!(await sys.lstat(path)).isSymbolicLink()) return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
  throw new Refusal(
    'ENOENT',
    `"${basename(path)}" is a symbolic link to a missing target; is its volume mounted? If not, create its target or remove the link`,
  )
}

/**
 * Puts the names that lead to the root on stable storage, up to the mount point. Done at every open, because the
 * process that created a directory may have died before its fsync, which nothing shows. A parent that may not be read
 * was not created by this user.
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

/** The directory may not be read, or is on a read-only file system, so there is nothing to sync. */
const notOurs: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])
