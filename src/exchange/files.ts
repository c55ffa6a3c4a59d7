import { constants, type Dirent } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { TreeObject } from './pds-tree.ts'

// Windows lacks the last two. Not blocking: opening a named pipe would otherwise hold a thread for ever.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 }: Partial<typeof constants> & { O_RDONLY: number } = constants

const pieceSize = 1024 * 1024

/** Opens a plain file to read, or null where there is none. Symbolic links are not followed: they may lead anywhere. */
export async function openFile(path: string, signal?: AbortSignal): Promise<TreeObject | null> {
  signal?.throwIfAborted()
  const handle = await unlessAbsent(open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
  if (!handle) return null
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new Error(`${path} is no plain file`)
    const body = handle.createReadStream({ highWaterMark: pieceSize })
    return { size: stats.size, body, close: () => finished(body.destroy()).catch(() => {}) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** What is in a folder, in order; nothing where there is none. */
export async function entriesOf(path: string): Promise<Dirent[]> {
  const entries = (await unlessAbsent(readdir(path, { withFileTypes: true }))) ?? []
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1))
}

async function unlessAbsent<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}
