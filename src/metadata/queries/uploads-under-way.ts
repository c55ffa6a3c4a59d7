import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { PurgeSteps } from '../contract/purges.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, onlyRow, rowsOf, type Step } from '../step.ts'
import { holdersOfEntries } from './entry-rows.ts'
import { endingResumables } from './forget-resumables.ts'
import { assertNotRestored } from './identity-rows.ts'
import { keysOf } from './purge-rows.ts'
import { everyAccount } from './takedown-rows.ts'

/** What a purge must wait for, and what it leaves to the uploads themselves. */
export function uploadsUnderWay(session: Session): PurgeSteps['awaitUploads'] {
  return async (did, cid) => {
    await session.read(assertNotRestored)
    if (session.dialect.name !== 'postgres') return countUploads(did, cid)
    await awaitCommits(cid)
    // A purge of one account has the account's lock instead.
    const running = did === everyAccount ? await awaitEntries() : 0
    return running + (await countUploads(did, cid))
  }

  /**
   * A commit deletes its upload's row before it looks for takedowns. So a commit that has not seen this takedown is over, or
   * holds the lock of a row, and this waits for it. The next step finds what it has committed.
   */
  async function awaitCommits(cid: BlobCid): Promise<void> {
    const { from, to } = keysOf(cid)
    const size = 1000
    let last: string | undefined = from
    while (last !== undefined) {
      const after: string = last
      const keys = await session.write(function* (trx) {
        const rows = yield* rowsOf(
          trx
            .selectFrom('blobstore_upload')
            .select('key')
            .where('key', '>', after)
            .where('key', '<', to)
            .orderBy('key')
            .limit(size)
            .forUpdate(),
        )
        return rows.map((row) => row.key)
      })
      last = keys.length === size ? keys.at(-1) : undefined
    }
  }

  /**
   * The same for commits of small uploads, which lock their process's entry first. Locks nothing, or commits that begin now
   * would wait too; and where they do not, as PostgreSQL lets them pass, it would wait for ever. Resolves with how many
   * still run when its patience is over: their connection may hang.
   */
  async function awaitEntries(): Promise<number> {
    const found = await session.read((db) => rowsOf(holdersOfEntries.compile(db)))
    let running = new Set(found.map((row) => row.holder))
    const until = performance.now() + patience
    while (running.size > 0 && performance.now() < until) {
      await sleep(20)
      const now = await session.read((db) => rowsOf(holdersOfEntries.compile(db)))
      running = new Set(now.map((row) => row.holder).filter((holder) => running.has(holder)))
    }
    return running.size
  }

  async function countUploads(did: string, cid: BlobCid): Promise<number> {
    const { from, to } = keysOf(cid)
    return session.read(function* (db) {
      const row = yield* onlyRow(
        db
          .selectFrom('blobstore_upload')
          .select(({ fn }) => fn.countAll().as('uploads'))
          .where('key', '>', from)
          .where('key', '<', to)
          // A copy that the store makes, in the mirror or another backend, is of no account, and reserves nothing. A part
          // has no account either, but a size; only those of this account count, or others could keep its purge open.
          .$if(did !== everyAccount, (query) =>
            query.where((eb) =>
              eb.or([
                eb('did', '=', did),
                eb.and([
                  eb('did', 'is', null),
                  eb.or([eb('reserved', '=', 0), eb('key', 'in', partsOf(db, did, cid).select('part.key'))]),
                ]),
              ]),
            ),
          ),
      )
      return Number(row.uploads)
    })
  }
}

/** How long a purge waits for commits, in milliseconds. Then it is unfinished, and the next collection goes on. */
const patience = 10_000

/** The account's resumable uploads that have such bytes in a part. */
export function* endUploadsOf(session: Session, trx: Kysely<Tables>, did: string, cid: BlobCid): Step<void> {
  const some = partsOf(trx, did, cid).select('part.upload')
  yield* execute(endingResumables(session, trx, did).where('id', 'in', some))
}

/** The account's parts that have the bytes of the CID: found by the account's uploads, of which there are few. */
function partsOf(db: Kysely<Tables>, did: string, cid: BlobCid) {
  const { from, to } = keysOf(cid)
  return db
    .selectFrom('blobstore_resumable as upload')
    .innerJoin('blobstore_part as part', 'part.upload', 'upload.id')
    .where('upload.did', '=', did)
    .where('part.key', '>', from)
    .where('part.key', '<', to)
}
