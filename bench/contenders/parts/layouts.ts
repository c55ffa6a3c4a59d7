import { closeSync, openSync, readFileSync, readSync, renameSync } from 'node:fs'
import { mkdir, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rows } from './rows.ts'
import { Together } from './together.ts'

/** Where the bytes are, and how they get there. */
export interface Layout {
  /**
   * Resolves with the key once the bytes are there; in a durable layout, once they survive a power cut. Where `keep` is
   * what writes them, before that.
   */
  write(name: string, bytes: Uint8Array): Promise<string>
  /** Part of the transaction that makes them a blob. */
  keep?(key: string, bytes: Uint8Array): void
  read(key: string): Uint8Array
  close(): Promise<void>
}

export type OpenLayout = (folder: string, isDurable: boolean, rows: Rows) => Promise<Layout>

/** A file for each blob, as the store has it. */
export const files: OpenLayout = async (folder, isDurable) => {
  const root = join(folder, 'files')
  await mkdir(root, { recursive: true })
  const directory = await openFile(root)
  const syncs = new Together(() => directory.sync())
  let count = 0
  return {
    async write(name, bytes) {
      const temporary = join(root, `temporary-${count++}`)
      closeSync(openSync(temporary, 'wx'))
      const file = await openFile(temporary, 'w')
      await file.writeFile(bytes)
      if (isDurable) await file.sync()
      await file.close()
      const key = `${name}.1`
      renameSync(temporary, join(root, key))
      if (isDurable) await syncs.add(null)
      return key
    },
    read: (key) => readFileSync(join(root, key)),
    close: () => directory.close(),
  }
}

/**
 * One file for all blobs, to which concurrent uploads append together. What a store would need besides is missing: new
 * segments, and copying what is live out of old ones.
 */
export const segment: OpenLayout = async (folder, isDurable) => {
  await mkdir(folder, { recursive: true })
  const file = await openFile(join(folder, 'segment'), 'wx+')
  let end = 0
  const writes = new Together(async (some: readonly { at: number; bytes: Uint8Array }[]) => {
    const pieces = some.map(({ bytes }) => bytes)
    await file.writev(pieces, some[0]?.at)
    if (isDurable) await file.datasync()
  })
  return {
    async write(name, bytes) {
      const at = end
      end += bytes.byteLength
      await writes.add({ at, bytes })
      return `${name}.${at}.${bytes.byteLength}`
    },
    read(key) {
      const [at = 0, size = 0] = key.split('.').slice(-2).map(Number)
      const bytes = Buffer.allocUnsafe(size)
      readSync(file.fd, bytes, 0, size, at)
      return bytes
    },
    close: () => file.close(),
  }
}

/** A table of the database. */
export const inRows: OpenLayout = async (_folder, _isDurable, rows) => {
  rows.run('create table bytes (key text primary key not null, bytes blob not null)')
  return {
    write: async (name) => `${name}.1`,
    keep: (key, bytes) => void rows.run('insert into bytes values (@key, @bytes)', { key, bytes }),
    read: (key) => (rows.run('select bytes from bytes where key = @key', { key })[0] as { bytes: Uint8Array }).bytes,
    close: async () => {},
  }
}
