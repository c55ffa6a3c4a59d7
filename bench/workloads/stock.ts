import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { cidOfBytes, Database } from '../library.ts'

/** Rows that are written to a store's database directly, because filling a store would take too long. */
export interface Stock {
  /** Of each account in turn. */
  accounts: readonly string[]
  /** Blobs, each referenced by its own record; there are no bytes. */
  count: number
  /** URIs of the spaces that the records are in, in turn. @default they are public */
  spaces?: readonly string[]
}

/** The store must be closed; its tables must be there. */
export function addStock(folder: string, { accounts, count, spaces = [] }: Stock): void {
  const database = new Database(join(folder, 'blobs.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -1000000') // in KiB: the keys come in random order
  const content = database.prepare(
    `INSERT INTO blobstore_content (cid, key, backend, size, verified_at) VALUES (?, ?, 'disk', 1000, ?)`,
  )
  const blob = database.prepare(`INSERT INTO blobstore_blob VALUES (?, ?, 'image/jpeg', 1000, ?, 1, NULL)`)
  const ref = database.prepare(
    `INSERT INTO blobstore_ref (did, cid, record_uri, rev, scope) VALUES (?, ?, ?, '3jzfcijpj2z2a', ?)`,
  )
  const account = database.prepare(
    `INSERT INTO blobstore_account (did, bytes, count, reserved, uploads, pending, deleting) VALUES (?, ?, ?, 0, 0, 0, 0)
     ON CONFLICT (did) DO UPDATE SET bytes = bytes + excluded.bytes, count = count + excluded.count`,
  )
  const now = Date.now()
  const seed = randomBytes(16)
  database.transaction(() => {
    for (let number = 0; number < count; number++) {
      const did = accounts[number % accounts.length] as string
      seed.writeUInt32LE(number)
      const cid = cidOfBytes(seed)
      content.run(cid, `${cid}.1-${'a'.repeat(16)}`, now)
      blob.run(did, cid, now)
      const space = spaces[number % spaces.length]
      ref.run(did, cid, `${space ?? 'at:/'}/${did}/app.bsky.feed.post/${number}`, space ?? 'public')
    }
    for (const did of accounts) account.run(did, (count / accounts.length) * 1000, Math.ceil(count / accounts.length))
  })()
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  // Otherwise the first measured checkpoint would have to wait for all of it.
  const fd = openSync(join(folder, 'blobs.sqlite'), 'r+')
  fsyncSync(fd)
  closeSync(fd)
}
