import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { PoolConfig } from 'pg'
import { onTestFinished } from 'vitest'
import { keyOf, newGeneration } from '../../src/backend/key.ts'
import { cidOfBytes, kyselyMetadata } from '../../src/index.ts'
import type { Entry } from '../../src/metadata/contract/processes.ts'
import type { Commit } from '../../src/metadata/contract/uploads.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { Clock } from '../support/places.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { bytes, hour, nextRev, uriOf } from '../support/samples.ts'
import { type Steering, steeredDialect } from './steered.ts'

const unlimited = {
  bytes: Number.POSITIVE_INFINITY,
  blobs: Number.POSITIVE_INFINITY,
  temporaryBlobs: Number.POSITIVE_INFINITY,
  pendingBytes: Number.POSITIVE_INFINITY,
}

export const size = 5
const mimeType = 'text/plain'

/** Metadata on PostgreSQL, as several processes use it, and no bytes: the steps of the protocol alone. */
export class Bench {
  readonly clock: Clock = new Clock()
  readonly schema: PostgresSchema = new PostgresSchema()
  #number = 0

  constructor() {
    onTestFinished(() => this.schema.drop())
  }

  /**
   * The metadata as another process opens it. Without the database's functions, so that each statement of a step can be
   * steered.
   */
  process(steering: Steering = {}): Promise<Metadata> {
    return this.#enter(this.schema.open({ max: 3 }, steeredDialect(steering)), false)
  }

  /** The same with them. */
  processWithFunctions(config: PoolConfig = {}): Promise<Metadata> {
    return this.#enter(this.schema.open({ max: 3, ...config }), true)
  }

  async #enter(db: Kysely<never>, functions: boolean): Promise<Metadata> {
    const metadata = await kyselyMetadata(db, { durability: 'relaxed', functions, now: this.clock.now }).open()
    await entered(metadata)
    return metadata
  }

  get db(): Kysely<never> {
    this.#db ??= this.schema.open()
    return this.#db
  }
  #db: Kysely<never> | undefined

  /** Two accounts and a CID that no case before had. */
  fresh(): Subjects {
    this.#number += 1
    return {
      alice: `did:plc:alice${this.#number}`,
      bob: `did:plc:bob${this.#number}`,
      cid: cidOfBytes(bytes(`content ${this.#number}`)),
    }
  }
}

export interface Subjects {
  alice: string
  bob: string
  cid: string
}

/** An upload just before its commit. */
export async function intended(metadata: Metadata, did: string, cid: string, quota = unlimited): Promise<Commit> {
  const generation = newGeneration(1)
  const [key, backend] = [keyOf(cid, generation), 'disk']
  await metadata.intend({ generation, key, backend, did, cid, size, quota, lease: hour, reserved: false })
  const delays = { deleteDelay: 0, unusedDelay: 0 }
  return {
    entry: null,
    quota,
    key,
    backend,
    did,
    cid,
    size,
    mimeType,
    declared: false,
    grace: hour,
    fresh: hour,
    ...delays,
  }
}

/** An upload without a row of its own, just before its commit: its bytes are known by the entry of a process. */
export async function stored(metadata: Metadata, did: string, cid: string, quota = unlimited): Promise<StoredUpload> {
  const entry = await entered(metadata)
  const upload = { key: keyOf(cid, newGeneration(entry.number)), backend: 'disk', did, cid, size }
  await metadata.admit({ ...upload, quota })
  const delays = { deleteDelay: 0, unusedDelay: 0 }
  return { ...upload, entry, quota, mimeType, declared: false, grace: hour, fresh: hour, ...delays }
}

type StoredUpload = Commit & { entry: Entry }

/** The entry of one more process. */
async function entered(metadata: Metadata): Promise<Entry> {
  const id = randomUUID()
  const times = { times: {}, defaults: {} }
  const { number } = await metadata.enter({
    ...{ id, backends: ['disk'], writesTo: 'disk', lease: 3_600_000, opening: true },
    ...times,
  })
  return { id, number }
}

export async function uploaded(metadata: Metadata, did: string, cid: string): Promise<void> {
  await metadata.commit(await intended(metadata, did, cid))
}

/** Makes a record of the account reference exactly these CIDs. */
export async function write(
  metadata: Metadata,
  did: string,
  rkey: string,
  cids: readonly string[],
  missing: 'reject' | 'expect' = 'reject',
): Promise<void> {
  const refs = cids.map((cid) => ({ cid, mimeType, size }))
  const records = new Map([[uriOf(did, rkey), { refs, scope: 'public', rev: nextRev() }]])
  await metadata.applyReferences(did, records, { grace: hour, missing })
}

/** What must never happen, whatever ran concurrently: each query returns the rows that are wrong. */
const wrongs: Record<string, string> = {
  'content that no account has': `select cid from blobstore_content as content
    where not exists (select 1 from blobstore_blob as blob where blob.cid = content.cid)`,
  'a blob that is held and still expected': `select blob.cid from blobstore_blob as blob
    join blobstore_expected as expected on expected.did = blob.did and expected.cid = blob.cid`,
  'an unreferenced blob that does not expire': `select cid from blobstore_blob as blob where expires_at is null
    and not exists (select 1 from blobstore_ref as ref where ref.did = blob.did and ref.cid = blob.cid)`,
  'a key in two tables': `select key from (select key from blobstore_upload union all select key from blobstore_content
    union all select key from blobstore_doomed) as keys group by key having count(*) > 1`,
  'a counter that is wrong': `select did from blobstore_account as account where
    bytes <> (select coalesce(sum(size), 0) from blobstore_blob as blob where blob.did = account.did)
    or count <> (select count(*) from blobstore_blob as blob where blob.did = account.did)
    or uploads <> (select count(*) from blobstore_upload as upload where upload.did = account.did)
    or reserved <> (select coalesce(sum(reserved), 0) from blobstore_upload as upload where upload.did = account.did)
    or pending <> (select coalesce(sum(size), 0) from blobstore_doomed as doomed where doomed.did = account.did)`,
  'a quarantine of a blob that its account does not have': `select did, cid from blobstore_takedown as takedown
    where quarantined = 1 and not exists
      (select 1 from blobstore_blob as blob where blob.did = takedown.did and blob.cid = takedown.cid)`,
  'something of a deleted account': `select blob.did from blobstore_account as account
    left join blobstore_blob as blob on blob.did = account.did
      and not exists (select from blobstore_takedown as held where held.cid = blob.cid and held.did in ('*', blob.did))
    left join blobstore_ref as ref on ref.did = account.did
    left join blobstore_expected as expected on expected.did = account.did
    where deleted_at is not null and deleting = 0
    and (blob.did is not null or ref.did is not null or expected.did is not null)`,
}

export const miscounted = 'a counter that is wrong'

/** Everything that is wrong, except `ignored`. */
export async function wrongsIn(db: Kysely<never>, ignored?: string): Promise<string[]> {
  const found: string[] = []
  for (const [wrong, query] of Object.entries(wrongs)) {
    if (wrong === ignored) continue
    const { rows } = await sql.raw(query).execute(db)
    if (rows.length > 0) found.push(`${wrong}: ${JSON.stringify(rows)}`)
  }
  return found
}
