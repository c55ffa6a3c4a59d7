import { Database } from '../../library.ts'

export interface Upload {
  did: string
  cid: string
  key: string
  uri: string
  size: number
}

const now = `cast((julianday('now') - 2440587.5) * 86400000 as integer)`

/** The store's own statements, for uploads that are all new, without what builds them: no Kysely, no promises. */
export class Rows {
  readonly #database: InstanceType<typeof Database>
  readonly #kept = new Map<string, ReturnType<InstanceType<typeof Database>['prepare']>>()

  constructor(file: string, durable: boolean) {
    this.#database = new Database(file)
    this.#database.pragma('journal_mode = WAL')
    this.#database.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    this.#database.pragma('foreign_keys = ON')
    this.#database.pragma('wal_autocheckpoint = 8000')
  }

  transaction(steps: readonly (() => void)[]): void {
    this.run('begin immediate')
    for (const step of steps) step()
    this.run('commit')
  }

  admit({ did, cid }: Pick<Upload, 'did' | 'cid'>): void {
    this.run(admission, { did, cid })
  }

  commit({ did, cid, key, size }: Upload): void {
    this.run(lockAccount, { ...none, did, bytes: size, count: 1, temporary: 1 })
    this.run("select number from blobstore_process where id = 'this one'")
    this.run(situation, { did, cid, key })
    this.run(
      `insert into blobstore_content (cid, key, backend, size, verified_at) values (@cid, @key, 'disk', @size, ${now})`,
      {
        ...{ cid, key, size },
      },
    )
    this.run(`insert into blobstore_blob values (@did, @cid, 'image/jpeg', @size, ${now}, 0, ${now} + 60000)`, {
      ...{ did, cid, size },
    })
  }

  reference({ did, cid, uri }: Upload): void {
    this.run(lockAccount, { did, ...none })
    this.run('select cid, mime_type, size from blobstore_blob where did = @did and cid = @cid', { did, cid })
    this.run(former, { did, uri })
    this.run(
      `insert into blobstore_ref (did, cid, record_uri, rev, scope) values (@did, @cid, @uri, '3jzfcijpj2z2a', 'public')`,
      { did, cid, uri },
    )
    this.run(makePermanent, { did, cid })
    this.run(lockAccount, { did, ...none, temporary: -1 })
  }

  /** Where the bytes of a public blob are. */
  keyOf(did: string, cid: string): string {
    const [row] = this.run(visible, { did, cid })
    return (row as { key: string }).key
  }

  count(did: string): number {
    const [row] = this.run('select count(*) as count from blobstore_ref where did = @did', { did })
    return (row as { count: number }).count
  }

  close(): void {
    this.#database.close()
  }

  run(sql: string, given: object = {}): unknown[] {
    const statement = this.#kept.get(sql) ?? this.#database.prepare(sql)
    this.#kept.set(sql, statement)
    return statement.reader ? statement.all(given) : [statement.run(given)]
  }
}

const none = { bytes: 0, count: 0, temporary: 0, reserved: 0, uploads: 0 }

const lockAccount = `insert into blobstore_account (did, bytes, count, temporary, reserved, uploads, pending, deleting)
  values (@did, @bytes, @count, @temporary, @reserved, @uploads, 0, 0)
  on conflict (did) do update set bytes = bytes + @bytes, count = count + @count,
    temporary = temporary + @temporary, reserved = reserved + @reserved,
    uploads = uploads + @uploads
  returning bytes, count, temporary, reserved, uploads, pending, deleted_at`

const admission = `select bytes, count, temporary, reserved, uploads, pending, deleted_at,
  exists (select 1 from blobstore_takedown where cid = @cid and did = @did and purged = 1)
  from blobstore_account where did = @did`

const situation = `select exists (select 1 from blobstore_doomed where key = @key), exists (select 1 from blobstore_takedown where cid = @cid and did = @did),
  exists (select 1 from blobstore_expected where did = @did and cid = @cid),
  (select mime_type from blobstore_blob where did = @did and cid = @cid),
  (select key from blobstore_content where cid = @cid)`

const visible = `select mime_type, size, (select key from blobstore_content as content where content.cid = blob.cid) as key,
    (select deleted_at from blobstore_account as account where account.did = blob.did),
    exists (select 1 from blobstore_takedown as down where down.cid = blob.cid and down.did = blob.did),
    exists (select 1 from blobstore_takedown as down where down.cid = blob.cid and down.did = '*')
  from blobstore_blob as blob where did = @did and cid = @cid
    and exists (select 1 from blobstore_ref as ref where ref.did = blob.did and ref.cid = blob.cid and scope = 'public')`

const former = `select cid, scope from blobstore_ref where did = @did and record_uri = @uri
  union all select cid, scope from blobstore_expected where did = @did and record_uri = @uri`

const makePermanent = `update blobstore_blob set expires_at = null, was_referenced = 1
  where did = @did and cid = @cid and expires_at is not null and not exists (
    select 1 from blobstore_expected as naming where naming.did = blobstore_blob.did and naming.cid = blobstore_blob.cid)`
