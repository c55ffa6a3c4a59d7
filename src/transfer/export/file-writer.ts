import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncDirectory } from '../../backend/files/directory.ts'
import { cidOfStream } from '../../blob/cid.ts'
import { openFile } from '../files.ts'

export interface FileWriterOptions {
  /** Where files are written before they get their names: on the same device, cleared before and after. */
  parts: string
  /** Whether what was written is on stable storage when `finish` resolves. */
  sync: boolean
}

const partName = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Writes files so that a file with its name is complete: what a kill leaves has no name, and the next run clears it.
 */
export class FileWriter {
  readonly #parts: string
  readonly #sync: boolean
  readonly #folders = new Set<string>()

  private constructor({ parts, sync }: FileWriterOptions) {
    this.#parts = parts
    this.#sync = sync
  }

  static async create(options: FileWriterOptions): Promise<FileWriter> {
    const writer = new FileWriter(options)
    await writer.clear()
    return writer
  }

  /** Whether there is a folder: a file cannot replace it. */
  async isFolder(path: string): Promise<boolean> {
    return (await lstat(path).catch(() => null))?.isDirectory() ?? false
  }

  /** Whether the file exists; with `cid`, also whether its bytes are good. */
  async has(path: string, size: number, cid?: string): Promise<boolean> {
    const found = await stat(path).catch(() => null)
    if (!found?.isFile() || found.size !== size) return false
    if (cid === undefined) return true
    const object = await openFile(path)
    if (!object) return false
    try {
      return (await cidOfStream(object.body)) === cid
    } finally {
      await object.close()
    }
  }

  /**
   * Opens the bytes only when there is a file to take them, so that nothing is left open if it cannot be created. A
   * chunk may be reused once the next is requested.
   */
  async write(path: string, openBytes: () => Promise<AsyncIterable<Uint8Array>>): Promise<void> {
    await mkdir(this.#parts, { recursive: true })
    const part = join(this.#parts, randomUUID())
    const file = await open(part, 'wx')
    try {
      try {
        for await (const chunk of await openBytes()) await file.writeFile(chunk)
        if (this.#sync) await file.sync()
      } finally {
        await file.close()
      }
      await this.#makeFolder(dirname(path))
      await rename(part, path)
    } catch (error) {
      await unlink(part).catch(() => {})
      throw error
    }
  }

  async finish(): Promise<void> {
    if (this.#sync) for (const folder of this.#folders) await syncDirectory(folder)
    await this.clear()
  }

  /** Deletes what it wrote itself, and the folder if nothing else is in it. */
  async clear(): Promise<void> {
    const names = await readdir(this.#parts).catch(() => null)
    if (names === null) return
    for (const name of names) if (partName.test(name)) await unlink(join(this.#parts, name))
    await rmdir(this.#parts).catch(() => {})
  }

  /** Its own name, in the folder above, must be on stable storage too. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return
    await mkdir(folder, { recursive: true })
    this.#folders.add(folder)
    const above = dirname(folder)
    if (basename(folder) !== '' && above !== folder) this.#folders.add(above)
  }
}
