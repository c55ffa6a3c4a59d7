import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../library.ts'
import { collect } from '../collect.ts'
import { type Open, recordKeyOf } from '../contract.ts'
import { files, inRows, type OpenLayout, segment } from './layouts.ts'
import { Rows, type Upload } from './rows.ts'
import { Together } from './together.ts'

// The parts of an upload by the protocol, and nothing around them: a hash, bytes and rows in two transactions;
// concurrent uploads share a transaction. No types, limits, quotas, checks, timeouts, races, or errors. With a file for
// each blob this is the best that a store with these rows can reach, on one thread.

export const durable: Open = (folder) => open(folder, true, files)
export const relaxed: Open = (folder) => open(folder, false, files)
export const segmentDurable: Open = (folder) => open(folder, true, segment)
export const segmentRelaxed: Open = (folder) => open(folder, false, segment)
export const inRowsDurable: Open = (folder) => open(folder, true, inRows)
export const inRowsRelaxed: Open = (folder) => open(folder, false, inRows)

async function open(folder: string, isDurable: boolean, openLayout: OpenLayout): ReturnType<Open> {
  await mkdir(folder, { recursive: true })
  const database = join(folder, 'blobs.sqlite')
  await makeTables(database)
  const rows = new Rows(database, isDurable)
  const layout = await openLayout(folder, isDurable, rows)
  const transactions = new Together(async (steps: readonly (() => void)[]) => rows.transaction(steps))

  const read = (did: string, cid: string): Uint8Array => layout.read(rows.keyOf(did, cid))
  return {
    async upload({ did, size, body }) {
      const hash = createHash('sha256')
      const bytes = await collect(body, (chunk) => hash.update(chunk))
      const cid = hash.digest('hex')
      const uri = `at://${did}/app.bsky.feed.post/${recordKeyOf(cid)}`
      rows.admit({ did, cid })
      const key = await layout.write(cid, bytes)
      const upload: Upload = { did, cid, key, uri, size }
      await transactions.add(() => {
        layout.keep?.(key, bytes)
        rows.commit(upload)
      })
      await transactions.add(() => rows.reference(upload))
      return cid
    },
    read: async (did, cid) => read(did, cid),
    stream: async (did, cid) => Readable.from([read(did, cid)]),
    referenced: async (did) => rows.count(did),
    async close() {
      rows.close()
      await layout.close()
    },
  }
}

async function makeTables(file: string): Promise<void> {
  const store = createBlobStore({ janitor: false, backend: new MemoryBackend(), metadata: sqliteMetadata(file) })
  await store.ready()
  await store.close()
}
