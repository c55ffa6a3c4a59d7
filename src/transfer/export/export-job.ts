import type { BlobCid } from '../../blob/cid.ts'
import type { BlobStore } from '../../blob-store.ts'
import { isBlobStoreError } from '../../errors.ts'
import { TransferJob } from '../../maintenance/transfer-job.ts'
import type { BlobStat } from '../../metadata/types.ts'
import type { ActorDatabase } from '../import/actor-database.ts'
import { SqliteReader } from '../reader/sqlite-reader.ts'
import { FileWriter } from './file-writer.ts'
import { Hosted, reportLacking, unlessPassedOver } from './hosted.ts'
import { type ExportOptions, type ExportReport, emptyExport } from './report.ts'

/** What both exports have in common: selecting accounts, and writing one blob to one file. */
export class ExportJob {
  readonly report: ExportReport
  readonly job: TransferJob<ExportReport>
  readonly files: FileWriter
  readonly #blobs: BlobStore
  readonly #options: ExportOptions

  private constructor(blobs: BlobStore, job: TransferJob<ExportReport>, files: FileWriter, options: ExportOptions) {
    this.#blobs = blobs
    this.job = job
    this.report = job.report
    this.files = files
    this.#options = options
  }

  static async begin(what: string, blobs: BlobStore, parts: string, options: ExportOptions): Promise<ExportJob> {
    const job = new TransferJob(what, emptyExport(), options)
    await blobs.ready()
    const files = await FileWriter.create({ parts, sync: options.sync ?? true })
    return new ExportJob(blobs, job, files, options)
  }

  /**
   * Runs the work for each account, in order, with its database: undefined if no databases were given, null if the
   * account has none. Afterwards no unfinished file is left.
   */
  async forEachAccount(work: (did: string, actor: ActorDatabase | null | undefined) => Promise<void>): Promise<void> {
    const { job } = this
    using reader = new SqliteReader({ signal: job.signal })
    try {
      const { actors, accounts } = this.#options
      const hosted = actors === undefined ? null : await Hosted.read(actors, reader, job)
      const left = new Set(accounts ?? hosted?.dids)
      for await (const did of this.#accounts()) {
        job.signal?.throwIfAborted()
        left.delete(did)
        this.report.accounts += 1
        const actor = hosted?.account(did)
        await unlessPassedOver(job, did, async () => {
          await work(did, actor)
          if (actor) await reportLacking(this.#blobs, did, actor, job)
        })
      }
      // The store has nothing of these.
      for (const did of left) {
        const actor = hosted?.account(did)
        if (actor) await unlessPassedOver(job, did, () => reportLacking(this.#blobs, did, actor, job))
      }
    } catch (error) {
      await this.files.clear().catch(() => {})
      throw error
    }
  }

  /** Runs the work for each blob of the account, some at once. */
  async forEachBlob(did: string, work: (stat: BlobStat) => Promise<void>): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#blobs.listAll(did, { cursor, signal: this.job.signal })
      await this.job.forEach(page.items, work, ({ cid }, error) => ({ problem: 'failed', did, cid, error }))
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  /** Writes a blob to a file, unless it exists; each byte is verified. */
  async write(did: string, { cid, size }: { cid: BlobCid; size: number }, path: string): Promise<void> {
    if (await this.files.isFolder(path)) {
      const error = new Error(`${path} is a folder: move it away, and export again`)
      return this.job.found({ problem: 'failed', did, cid, place: path, error })
    }
    if (await this.files.has(path, size, this.#options.verify ? cid : undefined)) {
      this.report.present += 1
      return
    }
    try {
      if (!this.job.dryRun) {
        await this.job.wait(size)
        const options = { as: 'moderator', verify: true, signal: this.job.signal } as const
        await this.files.write(path, async () => (await this.#blobs.read(did, cid, options)).chunks)
      }
      this.report.written += 1
      this.report.bytes += size
    } catch (error) {
      if (isBlobStoreError(error, 'BlobNotFound')) this.report.gone += 1
      else if (isBlobStoreError(error, 'BlobDamaged')) this.job.found({ problem: 'damaged', did, cid, error })
      else if (isBlobStoreError(error, 'BlobMissing')) this.job.found({ problem: 'missing', did, cid, error })
      else if (isAboutPlace(error)) this.job.found({ problem: 'failed', did, cid, place: path, error })
      else throw error
    }
  }

  async *#accounts(): AsyncGenerator<string> {
    if (this.#options.accounts) return yield* this.#options.accounts
    let cursor: string | undefined
    do {
      const page = await this.#blobs.listAccounts({ cursor, signal: this.job.signal })
      for (const { did } of page.items) yield did
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

/** Something else is in the place of one file, or of one account's files; other accounts must not suffer from it. */
function isAboutPlace(error: unknown): error is Error {
  const codes = ['EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM']
  return codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
