import { isBlobCid } from '../../blob/cid.ts'
import type { BlobStore } from '../../blob-store.ts'
import type { TransferJob } from '../../maintenance/transfer-job.ts'
import { PassedOver } from '../../maintenance/transfer-job.ts'
import { type ActorDatabase, ActorFolder } from '../import/actor-database.ts'
import type { SqliteReader } from '../reader/sqlite-reader.ts'
import type { ExportReport } from './report.ts'

/** The accounts that a PDS has, for comparison with the store. */
export class Hosted {
  readonly #actors: ActorFolder
  readonly #dids: ReadonlySet<string>

  private constructor(actors: ActorFolder, dids: ReadonlySet<string>) {
    this.#actors = actors
    this.#dids = dids
  }

  static async read(folder: string, reader: SqliteReader, job: TransferJob<ExportReport>): Promise<Hosted> {
    const actors = new ActorFolder(folder, reader)
    const dids = await actors.accounts((place, error) => job.found({ problem: 'unreadable', place, error }))
    return new Hosted(actors, dids)
  }

  get dids(): Iterable<string> {
    return this.#dids
  }

  /** Null for an account that the PDS does not have. */
  account(did: string): ActorDatabase | null {
    return this.#dids.has(did) ? this.#actors.of(did) : null
  }
}

/** Reports what the PDS has a row of, but the store does not have. @throws `PassedOver` */
export async function reportLacking(
  blobs: BlobStore,
  did: string,
  actor: ActorDatabase,
  job: TransferJob<ExportReport>,
): Promise<void> {
  for (const takenDown of [true, false]) {
    for await (const rows of actor.blobs(takenDown)) {
      for (const { at, cid } of rows) {
        job.signal?.throwIfAborted()
        if (cid === null || !isBlobCid(cid)) {
          job.found({ problem: 'unreadable', did, cid: cid ?? undefined, place: `table blob, row ${at}` })
        } else if ((await blobs.stat(did, cid, { as: 'moderator' })) === null) {
          job.found({ problem: 'missing', did, cid, place: 'the store' })
        }
      }
    }
  }
}

/** Runs the work for an account; if the rest of it cannot be read, the report says so. */
export async function unlessPassedOver(
  job: TransferJob<ExportReport>,
  did: string,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof PassedOver)) throw error
    job.found({ problem: error.problem, did, place: error.place, error })
  }
}
