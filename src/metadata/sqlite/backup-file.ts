import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { link, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { isError } from '../../shapes.ts'

interface Place {
  /** Absolute. */
  path: string
  overwrite: boolean
  /** The database that is copied. */
  source: string
}

/**
 * Writes a file under a temporary name beside its own, and renames it when it is complete and on stable storage. A
 * failure leaves nothing; a process that is killed leaves `<name>.part-…`. Resolves with its size.
 */
export async function writeBackup(place: Place, write: (part: string) => Promise<void>): Promise<number> {
  const part = `${place.path}.part-${randomBytes(4).toString('hex')}`
  try {
    await assertFree(place)
    const made = await open(part, 'wx', 0o600)
    await made.close()
    await write(part)
    const bytes = await syncFile(part)
    await giveName(part, place)
    await syncFolder(dirname(place.path))
    return bytes
  } catch (error) {
    for (const end of ['', '-journal']) await unlink(`${part}${end}`).catch(() => {})
    throw fileError(error, place.path)
  }
}

/** @throws `InvalidArgument` */
async function assertFree({ path, overwrite, source }: Place): Promise<void> {
  const name = basename(path)
  const there = await ifThere(stat(path))
  if (there?.isDirectory()) throw wrong(`"${name}" is a folder; give the path of a file`)
  const folder = await realpath(dirname(path))
  const own = ['', '-wal', '-shm', '-journal'].map((end) => `${source}${end}`)
  if (own.includes(join(folder, name)) || (there && (await isSame(there, source)))) {
    throw wrong('that is the database itself, or a file that belongs to it; give another path')
  }
  if (!overwrite && (await ifThere(lstat(path)))) throw isThere(path)
  // SQLite would take it for the log of the copy, and destroy the copy.
  for (const end of ['-wal', '-journal']) {
    if (await ifThere(lstat(`${path}${end}`))) {
      throw wrong(`"${name}${end}" exists there, of another database; move it elsewhere, or give another path`)
    }
  }
}

/** Compares without opening the file: closing it again would drop this process's locks on it. */
async function isSame({ dev, ino }: Stats, path: string): Promise<boolean> {
  const stats = await stat(path)
  return stats.dev === dev && stats.ino === ino
}

async function giveName(part: string, { path, overwrite }: Place): Promise<void> {
  if (overwrite) return rename(part, path)
  try {
    await link(part, path) // fails if another file was created meanwhile
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw isThere(path)
    // For file systems without hard links.
    if (await ifThere(lstat(path))) throw isThere(path)
    return rename(part, path)
  }
  await unlink(part)
}

async function syncFile(path: string): Promise<number> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** Windows cannot. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function ifThere<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code

function wrong(what: string, cause?: unknown): BlobStoreError {
  return new BlobStoreError('InvalidArgument', `Cannot write the backup: ${what}`, { cause })
}

const isThere = (path: string): BlobStoreError =>
  wrong(`"${basename(path)}" exists already; give another path, or allow overwriting it (overwrite)`)

/** Turns the error of a file call into the library's. */
function fileError(error: unknown, path: string): unknown {
  if (isBlobStoreError(error) || !isError(error) || !('syscall' in error)) return error
  const code = String(codeOf(error))
  const folder = basename(dirname(path))
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new BlobStoreError('StorageFull', 'Cannot write the backup: its device is full; free some space', {
      cause: error,
    })
  if (code === 'ENOENT' || code === 'ENOTDIR') return wrong(`there is no folder "${folder}"; create it first`, error)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return wrong(`the user that runs this process may not write to "${folder}" (${code})`, error)
  return new BlobStoreError('MetadataFailed', `Cannot write the backup: ${code}`, { cause: error })
}
