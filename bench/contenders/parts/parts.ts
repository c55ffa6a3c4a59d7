import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readFileSync, renameSync } from 'node:fs'
import { mkdir, open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../library.ts'
import { collect } from '../collect.ts'
import { type Open, recordKeyOf } from '../contract.ts'
import { Rows, type Upload } from './rows.ts'

// The parts of an upload by the protocol, and nothing around them: a hash, a file and rows in two transactions;
// concurrent uploads share a transaction. No types, limits, quotas, checks, timeouts, races, or errors. This is the
// best that a store with these rows and a file for each blob can reach, on one thread.

export const durable: Open = (folder) => open(folder, true)
export const relaxed: Open = (folder) => open(folder, false)

const open = async (folder: string, isDurable: boolean): ReturnType<Open> => {
  const root = join(folder, 'files')
  await mkdir(root, { recursive: true })
  const database = join(folder, 'blobs.sqlite')
  await makeTables(database)
  const rows = new Rows(database, isDurable)
  const transactions = new Together(async (steps: readonly (() => void)[]) => rows.transaction(steps))
  const directory = await openFile(root)
  const syncs = new Together(() => directory.sync())
  let files = 0

  async function write(key: string, bytes: Uint8Array): Promise<void> {
    const temporary = join(root, `temporary-${files++}`)
    closeSync(openSync(temporary, 'wx'))
    const file = await openFile(temporary, 'w')
    await file.writeFile(bytes)
    if (isDurable) await file.sync()
    await file.close()
    renameSync(temporary, join(root, key))
    if (isDurable) await syncs.add(null)
  }

  return {
    async upload({ did, size, body }) {
      const hash = createHash('sha256')
      const bytes = await collect(body, (chunk) => hash.update(chunk))
      const cid = hash.digest('hex')
      const uri = `at://${did}/app.bsky.feed.post/${recordKeyOf(cid)}`
      const upload: Upload = { did, cid, key: `${cid}.1`, uri, size }
      rows.admit(upload)
      await write(upload.key, bytes)
      await transactions.add(() => rows.commit(upload))
      await transactions.add(() => rows.reference(upload))
      return cid
    },
    read: async (did, cid) => readFileSync(join(root, rows.keyOf(did, cid))),
    stream: async (did, cid) => createReadStream(join(root, rows.keyOf(did, cid))),
    referenced: async (did) => rows.count(did),
    async close() {
      rows.close()
      await directory.close()
    },
  }
}

async function makeTables(file: string): Promise<void> {
  const store = createBlobStore({ janitor: false, backend: new MemoryBackend(), metadata: sqliteMetadata(file) })
  await store.ready()
  await store.close()
}

/** Runs together what arrives in one turn of the event loop, or while it is running. */
class Together<T> {
  readonly #all: (some: readonly T[]) => Promise<void>
  #waiting: { one: T; resolve: () => void; reject: (error: unknown) => void }[] = []
  #busy = false

  constructor(all: (some: readonly T[]) => Promise<void>) {
    this.#all = all
  }

  add(one: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ one, resolve, reject })
      if (!this.#busy) setImmediate(() => void this.#work())
      this.#busy = true
    })
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0)
      await this.#all(some.map(({ one }) => one)).then(
        () => some.forEach(({ resolve }) => void resolve()),
        (error) => some.forEach(({ reject }) => void reject(error)),
      )
      await new Promise(setImmediate)
    }
    this.#busy = false
  }
}
