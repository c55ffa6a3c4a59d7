import assert from 'node:assert/strict'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { cidOfBytes, createBlobStore, MemoryBackend, sqliteMetadata } from '../library.ts'
import { observe } from '../measure/observe.ts'
import { accountOf } from './blobs.ts'
import type { Work } from './work.ts'

/** What the rows of an upload and its reference cost by themselves: what no store that keeps them in SQLite is quicker than. */
export const limits: Work[] = [rowsAlone(1), rowsAlone(16)]

function rowsAlone(lanes: number): Work {
  return {
    name: `rows-${lanes}`,
    title: `The rows of an upload and its reference, ${lanes === 1 ? 'one at a time' : 'for 16 at once'}, straight to SQLite`,
    contestants: ['rows-durable', 'rows-relaxed'],
    when: 'always',
    async run(name, { folder, scale }) {
      const file = join(folder, 'blobs.sqlite')
      await makeTables(file)
      const rows = new Rows(file, name === 'rows-durable')
      const uploads = Array.from({ length: Math.ceil(8000 * scale) }, (_, number) => uploadOf(number))
      const warmUp = Math.ceil(uploads.length / 4)
      for (let at = 0; at < warmUp; at += lanes) rows.addAll(uploads.slice(at, Math.min(at + lanes, warmUp)))
      const { elapsed, cpu } = await observe(async () => {
        for (let at = warmUp; at < uploads.length; at += lanes) rows.addAll(uploads.slice(at, at + lanes))
      })
      assert.equal(rows.close(), uploads.length)
      const operations = uploads.length - warmUp
      return { rate: (operations / elapsed) * 1000, cpu: cpu / operations, operations }
    },
  }
}

async function makeTables(file: string): Promise<void> {
  const store = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(file), limits: {} })
  await store.ready()
  await store.close()
}

interface Upload {
  did: string
  cid: string
  key: string
  uri: string
}

function uploadOf(number: number): Upload {
  const did = accountOf(number)
  const cid = cidOfBytes(Buffer.from(`${number}`))
  return { did, cid, key: `${cid}.1-${cid.slice(20, 36)}`, uri: `at://${did}/app.bsky.feed.post/${cid}` }
}

const now = `cast((julianday('now') - 2440587.5) * 86400000 as integer)`
const size = 1024

/** The store's own statements, for uploads that are all new, without what builds them: no Kysely, no promises, no files. */
class Rows {
  readonly #database: InstanceType<typeof Database>
  readonly #run: (sql: string) => (given?: object) => unknown[]

  constructor(file: string, durable: boolean) {
    const database = new Database(file)
    this.#database = database
    database.pragma('journal_mode = WAL')
    database.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    database.pragma('foreign_keys = ON')
    database.pragma('wal_autocheckpoint = 2000')
    const kept = new Map<string, ReturnType<InstanceType<typeof Database>['prepare']>>()
    this.#run = (sql) => {
      const statement = kept.get(sql) ?? database.prepare(sql)
      kept.set(sql, statement)
      return (given = {}) => (statement.reader ? statement.all(given) : [statement.run(given)])
    }
  }

  /** Three transactions, as the protocol has them: before the bytes, after them, and with the record. */
  addAll(uploads: readonly Upload[]): void {
    this.#transaction(uploads, (upload) => this.#intend(upload))
    this.#transaction(uploads, (upload) => this.#commit(upload))
    this.#transaction(uploads, (upload) => this.#reference(upload))
  }

  /** How many there are. */
  close(): number {
    const count = this.#database.prepare('select count(*) from blobstore_ref').pluck().get() as number
    this.#database.close()
    return count
  }

  #transaction(uploads: readonly Upload[], step: (upload: Upload) => void): void {
    this.#run('begin immediate')()
    for (const upload of uploads) step(upload)
    this.#run('commit')()
  }

  #intend({ did, cid, key }: Upload): void {
    this.#run(lockAccount)({ did, bytes: 0, count: 0, reserved: size, uploads: 1 })
    this.#run(`insert into blobstore_upload values (@key, 'disk', @did, @cid, ${size}, ${now} + 60000)`)({
      key,
      did,
      cid,
    })
  }

  #commit({ did, cid, key }: Upload): void {
    this.#run(lockAccount)({ did, bytes: size, count: 1, reserved: -size, uploads: -1 })
    this.#run('delete from blobstore_upload where key = @key')({ key })
    this.#run(situation)({ did, cid })
    this.#run(`insert into blobstore_content values (@cid, @key, 'disk', ${size}, ${now})`)({ cid, key })
    this.#run(`insert into blobstore_blob values (@did, @cid, 'image/jpeg', ${size}, ${now}, 0, ${now} + 60000)`)({
      did,
      cid,
    })
  }

  #reference({ did, cid, uri }: Upload): void {
    this.#run(lockAccount)({ did, bytes: 0, count: 0, reserved: 0, uploads: 0 })
    this.#run('select cid, mime_type, size from blobstore_blob where did = @did and cid = @cid')({ did, cid })
    this.#run(former)({ did, uri })
    this.#run(`insert into blobstore_ref values (@did, @cid, @uri, '3jzfcijpj2z2a', 'public')`)({ did, cid, uri })
    this.#run(
      `update blobstore_blob set expires_at = null, was_referenced = 1
       where did = @did and cid = @cid and expires_at is not null`,
    )({ did, cid })
  }
}

const lockAccount = `insert into blobstore_account values (@did, @bytes, @count, @reserved, @uploads, 0, null, 0)
  on conflict (did) do update set bytes = bytes + @bytes, count = count + @count, reserved = reserved + @reserved,
    uploads = uploads + @uploads
  returning bytes, count, reserved, uploads, pending, deleted_at`

const situation = `select exists (select 1 from blobstore_takedown where cid = @cid and did = @did),
  exists (select 1 from blobstore_expected where did = @did and cid = @cid),
  (select mime_type from blobstore_blob where did = @did and cid = @cid),
  (select key from blobstore_content where cid = @cid)`

const former = `select cid, scope from blobstore_ref where did = @did and record_uri = @uri
  union all select cid, scope from blobstore_expected where did = @did and record_uri = @uri`
