import type { BlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/facts.ts'
import { Errand } from './errand.ts'
import { type ExportOptions, type ExportReport, emptyExport } from './export-report.ts'
import { FileWriter } from './file-writer.ts'

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

  /** Does the work for each account, in order; then nothing unfinished is left. */
  async forEachAccount(work: (did: string) => Promise<void>): Promise<void> {
    try {
      for await (const did of this.#accounts()) {
        this.errand.signal?.throwIfAborted()
        this.report.accounts += 1
        await work(did)
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
    if (await this.files.has(path, size, this.#options.verify ? cid : undefined)) {
      this.report.present += 1
      return
    }
    try {
      if (!this.errand.dryRun) {
        await this.errand.wait(size)
        const { chunks } = await this.#blobs.read(did, cid, {
          as: 'moderator',
          verify: true,
          signal: this.errand.signal,
        })
        await this.files.write(path, chunks)
      }
      this.report.written += 1
      this.report.bytes += size
    } catch (error) {
      if (isBlobStoreError(error, 'BlobNotFound')) this.report.gone += 1
      else if (isBlobStoreError(error, 'BlobDamaged')) this.errand.found({ problem: 'damaged', did, cid, error })
      else if (isBlobStoreError(error, 'BlobMissing')) this.errand.found({ problem: 'missing', did, cid, error })
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
