import { closeSync, openSync, readFileSync, readSync, renameSync } from 'node:fs'
import { mkdir, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Together } from './together.ts'

/** Where the bytes are, and how they get there. */
export interface Layout {
  /** Resolves with the key once the bytes are there; in a durable layout, once they survive a power cut. */
  write(name: string, bytes: Uint8Array): Promise<string>
  read(key: string): Uint8Array
  close(): Promise<void>
}

/** A file for each blob, as the store has it. */
export async function files(folder: string, isDurable: boolean): Promise<Layout> {
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
export async function segment(folder: string, isDurable: boolean): Promise<Layout> {
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
