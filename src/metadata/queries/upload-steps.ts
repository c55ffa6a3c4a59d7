import type { Kysely } from 'kysely'
import type { Admission, GivenUp, Intent, Release, Reservation, UploadSteps } from '../contract/uploads.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import type { Step } from '../step.ts'
import { accountDeleted, assertQuota, grantable, lockAccount, lockLivingAccount, toState } from './account-row.ts'
import { announceUpload, assertNotPurged, expired, findBackend, retired } from './announce-upload.ts'
import { commitStep } from './commit-step.ts'
import { doom } from './doomed-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { purged } from './purge-rows.ts'

type Trx = Kysely<Tables>

export function uploadSteps(session: Session): UploadSteps {
  const insertUpload = announceUpload(session)
  const commit = commitStep(session)
  const holdBackend = session.statement(findBackend(session.dialect.name))
  return {
    admit: (upload) => session.read((db) => admit(db, upload)),
    reserve: (upload) => session.write((trx) => reserve(trx, upload)),
    intend: (upload) => session.write((trx) => intend(trx, upload)),
    commit: (upload) => session.write((trx) => commit(trx, upload)),
    meetExpectations: (did, cid) =>
      session.write(function* (trx) {
        const { deletedAt } = yield* lockAccount(trx, did)
        if (deletedAt !== null) return { differing: [], waiting: false } // waiting records are forgotten too
        const held = (yield* findHeld(trx, { did, cid })).rows[0]
        if (!held) return { differing: [], waiting: false }
        return yield* meetExpectations(trx, { did, cid, mimeType: held.mime_type, size: Number(held.size) })
      }),
    namedType: (did, cid) =>
      session.read(function* (db) {
        const expected = yield* expectedType(db, { did, cid })
        if (expected !== undefined) return expected
        return (yield* findReferenced(db, { did, cid })).rows[0]?.mime_type
      }),
    release: (upload) => session.write((trx) => release(trx, upload)),
    giveUp: (upload) => session.write((trx) => giveUp(trx, upload)),
  }

  function* admit(db: Trx, { backend, did, cid, size, quota }: Admission): Step<void> {
    const { rows } = yield* findAdmission(db, { did, cid, backend })
    const found = rows[0] as (typeof rows)[number]
    const account = toState(found)
    if (account.deletedAt !== null) throw accountDeleted(did)
    assertQuota(did, { ...account, reserved: account.reserved + size, uploads: account.uploads + 1 }, quota)
    if (found.purged) yield* assertNotPurged(db, did, cid)
    if (!found.inUse) throw retired(backend)
  }

  function* reserve(trx: Trx, upload: Reservation): Step<number> {
    const { generation, backend, did, size, quota, lease } = upload
    const before = yield* lockLivingAccount(trx, did, { uploads: 1 })
    const reserved = size.known ?? grantable(before, quota, size.most)
    const account = yield* lockAccount(trx, did, { reserved })
    assertQuota(did, account, quota)
    yield* insertUpload(trx, { key: generation, backend, did, cid: null, reserved, lease })
    return reserved
  }

  function* intend(trx: Trx, upload: Intent): Step<void> {
    const { generation, key, backend, did, cid, size, lease } = upload
    if (!upload.reserved) {
      const account = yield* lockLivingAccount(trx, did, { reserved: size, uploads: 1 })
      assertQuota(did, account, upload.quota)
      yield* insertUpload(trx, { key, backend, did, cid, reserved: size, lease })
      return
    }
    yield* lockLivingAccount(trx, did)
    const [before] = (yield* findReserved(trx, { generation })).rows
    if (!before) throw expired(upload)
    yield* assertNotPurged(trx, did, cid)
    yield* nameUpload(trx, { generation, key, cid, reserved: size })
    yield* lockAccount(trx, did, { reserved: size - Number(before.reserved) })
  }

  function* release(trx: Trx, { generation, key, did, unusedDelay }: Release): Step<void> {
    yield* lockAccount(trx, did)
    const [row] = (yield* dropUpload(trx, { keys: key === null ? [generation] : [generation, key] })).rows
    if (!row) return
    yield* endUpload(session, trx, { ...row, did }, unusedDelay)
  }

  function* giveUp(trx: Trx, { key, backend, did, cid, size, unusedDelay }: GivenUp): Step<void> {
    yield* lockAccount(trx, did)
    if ((yield* findKey(trx, { key, cid })).rows.length > 0) return
    // Nothing is to be done about bytes in a backend that was retired meanwhile: no process looks there any more.
    if ((yield* holdBackend(trx, { backend })).rows.length === 0) return
    yield* doom(session, trx, [{ key, backend, did, size }], unusedDelay)
  }
}

/** All that decides, in one round trip. Of the one row that there may be, the greatest; nulls if there is none. */
const findAdmission = statement((db, { did, cid, backend }: { did: string; cid: string; backend: string }) =>
  db
    .selectFrom('blobstore_account')
    .where('did', '=', did)
    .select(({ fn }) => [
      fn.max('bytes').as('bytes'),
      fn.max('count').as('count'),
      fn.max('temporary').as('temporary'),
      fn.max('reserved').as('reserved'),
      fn.max('uploads').as('uploads'),
      fn.max('pending').as('pending'),
      fn.max('deleted_at').as('deleted_at'),
    ])
    .select((eb) => [
      purged(db, did, cid).as('purged'),
      eb.exists(db.selectFrom('blobstore_backend').select('name').where('name', '=', backend)).as('inUse'),
    ]),
)

/** The key's row, if it is live or doomed. */
const findKey = statement((db, { key, cid }: { key: string; cid: string }) =>
  db
    .selectFrom('blobstore_content')
    .select('key')
    .where('cid', '=', cid)
    .where('key', '=', key)
    .unionAll(db.selectFrom('blobstore_doomed').select('key').where('key', '=', key)),
)

const findReferenced = statement((db, { did, cid }: { did: string; cid: string }) =>
  db
    .selectFrom('blobstore_blob')
    .select('mime_type')
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where((eb) =>
      eb.exists(eb.selectFrom('blobstore_ref').select('cid').where('did', '=', did).where('cid', '=', cid)),
    ),
)

const findHeld = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectFrom('blobstore_blob').select(['mime_type', 'size']).where('did', '=', did).where('cid', '=', cid),
)

const findReserved = statement((db, { generation }: { generation: string }) =>
  db.selectFrom('blobstore_upload').select('reserved').where('key', '=', generation),
)

const nameUpload = statement(
  (db, { generation, ...named }: { generation: string; key: string; cid: string; reserved: number }) =>
    db.updateTable('blobstore_upload').set(named).where('key', '=', generation),
)

const dropUpload = statement((db, { keys }: { keys: string[] }) =>
  db.deleteFrom('blobstore_upload').where('key', 'in', keys).returning(['key', 'backend', 'cid', 'reserved']),
)

/** Removes the row of a copy that the store makes. Undefined if a collection has, because the lease was over. */
export function* takeCopy(trx: Trx, key: string): Step<EndedUpload | undefined> {
  const [row] = (yield* dropUpload(trx, { keys: [key] })).rows
  return row && { ...row, did: null }
}

interface EndedUpload {
  key: string
  backend: string
  did: string | null
  cid: string | null
  reserved: number
}

/** Ends an upload whose row was deleted without a commit. There may be bytes if the CID was known. */
export function* endUpload(session: Session, trx: Trx, upload: EndedUpload, unusedDelay: number): Step<void> {
  const { key, backend, did, cid } = upload
  const size = Number(upload.reserved)
  if (did !== null) yield* lockAccount(trx, did, { reserved: -size, uploads: -1 })
  if (cid !== null) yield* doom(session, trx, [{ key, backend, did, size }], unusedDelay)
}
