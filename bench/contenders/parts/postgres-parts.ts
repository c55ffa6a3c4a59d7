import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { collect } from '../collect.ts'
import { type Contender, recordKeyOf } from '../contract.ts'

// The store's own statements for uploads that are all new, one by one with pg alone: a hash, a file and rows in two
// transactions. No types, limits, quotas, checks, timeouts, races, or errors. The tables are the store's.

export async function openPostgresParts(pool: Pool, folder: string): Promise<Contender> {
  await mkdir(folder, { recursive: true })

  async function transaction(statements: readonly [sql: string, values: unknown[]][]): Promise<void> {
    const client = await pool.connect()
    await client.query('begin isolation level read committed read write')
    for (const [sql, values] of statements) await client.query(sql, values)
    await client.query('commit')
    client.release()
  }

  return {
    async upload({ did, size, body }) {
      const hash = createHash('sha256')
      const bytes = await collect(body, (chunk) => hash.update(chunk))
      const cid = hash.digest('hex')
      const [key, uri] = [`${cid}.1`, `at://${did}/app.bsky.feed.post/${recordKeyOf(cid)}`]
      await pool.query(admission, [did, cid])
      await writeFile(join(folder, key), bytes, { flag: 'wx' })
      await transaction([
        [lockAccount, [did, size, 1, 1, 0, 0]],
        ["select number from blobstore_process, blobstore_backend where id = 'this one' for key share", []],
        [situation, [did, cid, key]],
        [
          `insert into blobstore_content (cid, key, backend, size, verified_at) values ($1, $2, 'disk', $3, ${now})`,
          [cid, key, size],
        ],
        [`insert into blobstore_blob values ($1, $2, 'image/jpeg', $3, ${now}, 0, ${now} + 60000)`, [did, cid, size]],
      ])
      await transaction([
        [lockAccount, [did, 0, 0, 0, 0, 0]],
        ['select cid, mime_type, size from blobstore_blob where did = $1 and cid = $2', [did, cid]],
        [former, [did, uri]],
        [reference, [did, cid, uri]],
        [makePermanent, [did, cid]],
        [lockAccount, [did, 0, 0, -1, 0, 0]],
      ])
      return cid
    },
    read: (_did, cid) => readFile(join(folder, `${cid}.1`)),
    stream: () => Promise.reject(new Error('not compared')),
    async referenced(did) {
      const { rows } = await pool.query('select count(*) as count from blobstore_ref where did = $1', [did])
      return Number(rows[0].count)
    },
    close: async () => {},
  }
}

const now = 'cast(extract(epoch from statement_timestamp()) * 1000 as bigint)'

const lockAccount = `insert into blobstore_account (did, bytes, count, temporary, reserved, uploads, pending, deleting)
  values ($1, $2, $3, $4, $5, $6, 0, 0)
  on conflict (did) do update set bytes = blobstore_account.bytes + $2, count = blobstore_account.count + $3,
    temporary = blobstore_account.temporary + $4, reserved = blobstore_account.reserved + $5,
    uploads = blobstore_account.uploads + $6
  returning bytes, count, temporary, reserved, uploads, pending, deleted_at`

const admission = `select bytes, count, temporary, reserved, uploads, pending, deleted_at,
  exists (select 1 from blobstore_takedown where cid = $2 and did = $1 and purged = 1)
  from blobstore_account where did = $1`

const situation = `select exists (select 1 from blobstore_doomed where key = $3), exists (select 1 from blobstore_takedown where cid = $2 and did = $1),
  exists (select 1 from blobstore_expected where did = $1 and cid = $2),
  (select mime_type from blobstore_blob where did = $1 and cid = $2),
  (select key from blobstore_content where cid = $2)`

const former = `select cid, scope from blobstore_ref where did = $1 and record_uri = $2
  union all select cid, scope from blobstore_expected where did = $1 and record_uri = $2`

const reference = `insert into blobstore_ref (did, cid, record_uri, rev, scope)
  values ($1, $2, $3, '3jzfcijpj2z2a', 'public')`

const makePermanent = `update blobstore_blob set expires_at = null, was_referenced = 1
  where did = $1 and cid = $2 and expires_at is not null and not exists (
    select 1 from blobstore_expected as naming where naming.did = blobstore_blob.did and naming.cid = blobstore_blob.cid)`
