import type { BlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/facts.ts'
import type { ActorDatabase } from './actor-database.ts'
import { Errand } from './errand.ts'
import { type ExportOptions, type ExportReport, emptyExport } from './export-report.ts'
import { FileWriter } from './file-writer.ts'
import { Hosted, tellLacking, unlessPassedOver } from './hosted.ts'
import { SqliteReader } from './reader/sqlite-reader.ts'

/** What both exports have in common: which accounts, and one blob into one file. */
export class ExportErrand {
  readonly report: ExportReport
  readonly errand: Errand<ExportReport>
  readonly files: FileWriter
  readonly #blobs: BlobStore
  readonly #options: ExportOptions

  private constructor(blobs: BlobStore, errand: Errand<ExportReport>, files: FileWriter, options: ExportOptions) {
    this.#blobs = blobs
    this.errand = errand
    this.report = errand.report
    this.files = files
    this.#options = options
  }

  static async begin(what: string, blobs: BlobStore, parts: string, options: ExportOptions): Promise<ExportErrand> {
    const errand = new Errand(what, emptyExport(), options)
    await blobs.ready()
    const files = await FileWriter.create({ parts, sync: options.sync ?? true })
    return new ExportErrand(blobs, errand, files, options)
  }

  /**
   * Does the work for each account, in order, with its database where it was given them and has one (undefined: was not,
   * null: has none); then nothing unfinished is left.
   */
  async forEachAccount(work: (did: string, actor: ActorDatabase | null | undefined) => Promise<void>): Promise<void> {
    const { errand } = this
    using reader = new SqliteReader({ signal: errand.signal })
    try {
      const { actors, accounts } = this.#options
      const hosted = actors === undefined ? null : await Hosted.read(actors, reader, errand)
      const left = new Set(accounts ?? hosted?.dids)
      for await (const did of this.#accounts()) {
        errand.signal?.throwIfAborted()
        left.delete(did)
        this.report.accounts += 1
        const actor = hosted?.account(did)
        await unlessPassedOver(errand, did, async () => {
          await work(did, actor)
          if (actor) await tellLacking(this.#blobs, did, actor, errand)
        })
      }
      // The store has nothing of these.
      for (const did of left) {
        const actor = hosted?.account(did)
        if (actor) await unlessPassedOver(errand, did, () => tellLacking(this.#blobs, did, actor, errand))
      }
    } catch (error) {
      await this.files.clear().catch(() => {})
      throw error
    }
  }

  /** Does the work for each blob of the account, some at once. */
  async forEachBlob(did: string, work: (stat: BlobStat) => Promise<void>): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#blobs.listOwn(did, { cursor, signal: this.errand.signal })
      await this.errand.forEach(page.items, work, ({ cid }, error) => ({ problem: 'failed', did, cid, error }))
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  /** Writes a blob into a file, unless it is there; each byte is verified. */
  async write(did: string, { cid, size }: { cid: BlobCid; size: number }, path: string): Promise<void> {
    if (await this.files.isFolder(path)) {
      const error = new Error(`${path} is a folder: move it away, and export again`)
      return this.errand.found({ problem: 'failed', did, cid, place: path, error })
    }
    if (await this.files.has(path, size, this.#options.verify ? cid : undefined)) {
      this.report.present += 1
      return
    }
    try {
      if (!this.errand.dryRun) {
        await this.errand.wait(size)
        const options = { as: 'moderator', verify: true, signal: this.errand.signal } as const
        await this.files.write(path, async () => (await this.#blobs.read(did, cid, options)).chunks)
      }
      this.report.written += 1
      this.report.bytes += size
    } catch (error) {
      if (isBlobStoreError(error, 'BlobNotFound')) this.report.gone += 1
      else if (isBlobStoreError(error, 'BlobDamaged')) this.errand.found({ problem: 'damaged', did, cid, error })
      else if (isBlobStoreError(error, 'BlobMissing')) this.errand.found({ problem: 'missing', did, cid, error })
      else if (isAboutPlace(error)) this.errand.found({ problem: 'failed', did, cid, place: path, error })
      else throw error
    }
  }

  async *#accounts(): AsyncGenerator<string> {
    if (this.#options.accounts) return yield* this.#options.accounts
    let cursor: string | undefined
    do {
      const page = await this.#blobs.accounts({ cursor, signal: this.errand.signal })
      for (const { did } of page.items) yield did
      cursor = page.cursor
    } while (cursor !== undefined)
  }
}

/** Something else is where one file, or the files of one account, should be; those of others are not kept from theirs. */
function isAboutPlace(error: unknown): error is Error {
  const codes = ['EEXIST', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES', 'EPERM']
  return codes.includes((error as NodeJS.ErrnoException).code ?? '')
}
