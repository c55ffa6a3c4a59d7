import { join } from 'node:path'
import type { BlobBackend, BlobRef, MetadataAdapter } from '../../src/index.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../library.ts'
import { type Contender, type Open, recordKeyOf } from './contract.ts'

// This library over a disk and an SQLite file of its own, as it ships; the record that references a blob follows it.

const GiB = 1024 ** 3

export const durable: Open = (folder) => open(folder, 'full')
export const relaxed: Open = (folder) => open(folder, 'relaxed')

function open(folder: string, durability: 'full' | 'relaxed'): Promise<Contender> {
  return openStore(
    new DiskBackend({ root: join(folder, 'blobs'), durability }),
    sqliteMetadata(join(folder, 'blobs.sqlite'), { durability }),
  )
}

export async function openStore(backend: BlobBackend, metadata: MetadataAdapter): Promise<Contender> {
  const blobs = createBlobStore({
    janitor: false,
    backend,
    metadata,
    limits: { maxBlobSize: 16 * GiB, accept: ['*/*'] },
  })
  await blobs.ready()

  return {
    async upload({ did, body, size }) {
      const blob = await blobs.upload(did, body, { size })
      await blobs.applyWrites(did, [{ action: 'create', uri: uriOf(did, blob), record: { blob } }], { rev })
      return blob.ref.toString()
    },
    async read(did, name) {
      const reading = await blobs.read(did, name)
      return await reading.bytes()
    },
    async stream(did, name) {
      const { chunks } = await blobs.read(did, name)
      return chunks
    },
    async range(did, name, start, end) {
      const reading = await blobs.read(did, name, { range: { start, end } })
      return await reading.bytes()
    },
    async forget(did, name) {
      await blobs.applyWrites(did, [{ action: 'delete', uri: uriOf(did, { ref: name }) }], { rev })
    },
    async referenced(did) {
      let count = 0
      let cursor: string | undefined
      do {
        const page = await blobs.listPublic(did, { limit: 1000, cursor })
        count += page.items.length
        cursor = page.cursor
      } while (cursor !== undefined)
      return count
    },
    close: () => blobs.close(),
  }
}

const rev = '3jzfcijpj2z2a'

function uriOf(did: string, { ref }: Pick<BlobRef, 'ref'> | { ref: string }): string {
  return `at://${did}/app.bsky.feed.post/${recordKeyOf(ref.toString())}`
}
