import { constants, type Dirent, type Stats } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { PassedOver } from '../maintenance/transfer-job.ts'
import type { TreeObject } from './import/pds-tree.ts'

// Windows lacks the last flag. Non-blocking: a named pipe that replaces the file meanwhile would block a thread for
// ever.
const { O_RDONLY, O_NONBLOCK = 0 }: Partial<typeof constants> & { O_RDONLY: number } = constants

const pieceSize = 1024 * 1024

/** Something is wrong with one file, not with the machine. */
export class UnreadableFile extends Error {}

/** The next file would fail with these too. */
const shortages = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])

/**
 * Opens a plain file to read, or returns null if there is none. Symbolic links are followed: data folders have some,
 * and what is read is verified by its hash.
 *
 * @throws `UnreadableFile`, also from its body
 */
export async function openFile(path: string, signal?: AbortSignal): Promise<TreeObject | null> {
  signal?.throwIfAborted()
  // Checked before it is opened, because opening a device may have effects.
  const found = await reading(path, unlessAbsent(stat(path)))
  if (!found) return null
  assertPlain(path, found)
  const handle = await reading(path, unlessAbsent(open(path, O_RDONLY | O_NONBLOCK)))
  if (!handle) return null
  try {
    const { size } = assertPlain(path, await handle.stat())
    return { size, body: bodyOf(path, handle), close: () => handle.close().catch(() => {}) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* bodyOf(path: string, handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await reading(path, handle.read(Buffer.allocUnsafe(pieceSize), 0, pieceSize, null))
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

function assertPlain(path: string, stats: Stats): Stats {
  if (stats.isFile()) return stats
  const what = stats.isDirectory() ? 'a folder' : 'a pipe, a socket or a device'
  throw new UnreadableFile(`${path} is ${what}, not a plain file`)
}

async function reading<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (shortages.has(code)) throw error
    throw new UnreadableFile(message.includes(path) ? message : `${path}: ${message}`, { cause: error })
  }
}

/** The entries of a folder, sorted; none if it does not exist. */
export async function entriesOf(path: string): Promise<Dirent[]> {
  const entries = (await unlessAbsent(readdir(path, { withFileTypes: true }))) ?? []
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1))
}

/** As `entriesOf`, for a folder that the job can do without. @throws `PassedOver` */
export async function listingOf(folder: string): Promise<Dirent[]> {
  try {
    return await entriesOf(folder)
  } catch (error) {
    throw new PassedOver('unreadable', folder, error as Error)
  }
}

/** Whether it is a folder, or a symbolic link to one. */
export async function isFolder(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  const found = await stat(`${entry.parentPath}/${entry.name}`).catch(() => null)
  return found?.isDirectory() ?? false
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
