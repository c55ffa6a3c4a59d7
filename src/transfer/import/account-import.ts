import { setTimeout as sleep } from 'node:timers/promises'
import { isBlobCid } from '../../blob/cid.ts'
import type { BlobStore } from '../../blob-store.ts'
import { isBlobStoreError } from '../../errors.ts'
import type { TransferJob } from '../../maintenance/transfer-job.ts'
import { PassedOver } from '../../maintenance/transfer-job.ts'
import type { BlobRow } from '../reader/questions.ts'
import { type ActorDatabase, publicTable } from './actor-database.ts'
import { isPlainName, type PdsTree, type TreeArea } from './pds-tree.ts'
import { type ReferenceWriter, type SourceBlob, sourceBlob } from './reference-writer.ts'
import type { ImportFinding, ImportReport } from './report.ts'
import { type Place, type Taken, takeIn } from './take-in.ts'

/**
 * How often a blob that does not match its row is looked for, because the PDS may be moving it; and the time in
 * between, in milliseconds.
 */
const [looks, pause] = [3, 100]

interface Parties {
  blobs: BlobStore
  did: string
  actor: ActorDatabase
  tree: PdsTree
  references: ReferenceWriter
  job: TransferJob<ImportReport>
}

/** Imports the blobs of one account of a reference PDS. */
export class AccountImport {
  readonly #parties: Parties
  /** Whether there may be records that not everybody may see. */
  #mayHaveSpaces = true
  #hasFailed = false

  constructor(parties: Parties) {
    this.#parties = parties
  }

  /**
   * Resolves with whether each blob could be settled: otherwise what references it is not known.
   *
   * @throws `PassedOver` if the rest of the account cannot be imported
   */
  async run(): Promise<boolean> {
    const { did, actor, job } = this.#parties
    const { spaces, unreadable } = await actor.tables()
    this.#mayHaveSpaces = spaces.length + unreadable.length > 0
    for (const table of unreadable) job.found({ problem: 'unreadable', did, place: `table ${table}` })
    // Takedowns first: a blob is hidden before a record could show it.
    for (const takenDown of [true, false]) await this.#rows(takenDown)
    await this.#unmet([publicTable, ...spaces])
    for (const area of ['stored', 'quarantined'] satisfies TreeArea[]) await this.#unknown(area)
    await this.#leftovers()
    return !this.#hasFailed
  }

  async #rows(takenDown: boolean): Promise<void> {
    const { did, actor, job } = this.#parties
    for await (const rows of actor.blobs(takenDown)) {
      const failed = ({ cid }: BlobRow, error: Error): ImportFinding => {
        this.#hasFailed = true
        return { problem: 'failed', did, cid: cid ?? undefined, place: 'the store', error }
      }
      await job.forEach(rows, (row) => this.#one(row), failed)
    }
  }

  async #one(row: BlobRow): Promise<void> {
    const { did, job } = this.#parties
    if (!hasCid(row)) {
      const place = `table blob, row ${row.at}`
      return job.found({ problem: 'unreadable', did, cid: row.cid ?? undefined, place })
    }
    const { cid } = row
    const invalid = invalidColumnsOf(row).join(', ')
    if (invalid !== '') job.found({ problem: 'unreadable', did, cid, place: `table blob, ${invalid}` })
    try {
      await this.#settle(sourceBlob(row, this.#mayHaveSpaces))
    } catch (error) {
      if (isBlobStoreError(error, 'AccountDeleted')) throw new PassedOver('failed', 'the store', error)
      throw error
    }
  }

  async #settle(row: SourceBlob): Promise<void> {
    const { actor, job } = this.#parties
    const { cid } = row
    for (let look = 1, blob = row; ; look++) {
      const taken = await this.#bring(blob)
      if (taken.outcome === 'imported') return this.#reportDifference(blob, taken)
      if (taken.outcome === 'purged') return this.#notTaken(blob, taken)
      // It may have been moved or deleted since its row was read, or be written at this moment.
      const now = await actor.blob(cid)
      if (!now || !hasCid(now)) {
        job.report.gone += 1
        return
      }
      if (look === looks) return this.#notTaken(blob, taken)
      await sleep(pause, undefined, { signal: job.signal })
      blob = sourceBlob(now, this.#mayHaveSpaces)
    }
  }

  async #notTaken(blob: SourceBlob, taken: Exclude<Taken, { outcome: 'imported' }>): Promise<void> {
    const { did, job, references } = this.#parties
    const { outcome: problem, ...found } = taken
    job.found({ problem, did, cid: blob.cid, ...found })
    if (!job.dryRun) await references.keep(blob)
  }

  #reportDifference({ cid, size, standing }: SourceBlob, taken: Taken & { outcome: 'imported' }): void {
    const { did, job } = this.#parties
    for (const damage of taken.damaged) job.found({ problem: 'damaged', did, cid, ...damage })
    if (size !== null && size !== taken.size) {
      const place = `table blob: its size is ${size} there, but the bytes are ${taken.size}`
      job.found({ problem: 'differs', did, cid, place })
    }
    if (standing === 'unnamed') job.found({ problem: 'unnamed', did, cid, place: 'table blob' })
  }

  /** Brings the store into the state of the source for this blob. */
  async #bring(blob: SourceBlob): Promise<Taken> {
    const { blobs, did, references, job } = this.#parties
    const held = await blobs.stat(did, blob.cid, { as: 'moderator' })
    if (held) {
      job.report.present += 1
      if (!job.dryRun && !(await references.isDone(blob))) await references.keep(blob)
      return { outcome: 'imported', size: held.size, damaged: [] }
    }
    if (!job.dryRun) await references.hide(blob)
    const taken = await takeIn(blobs, { ...blob, did, places: this.#placesOf(blob) }, job)
    if (taken.outcome === 'imported' && !job.dryRun) await references.keep(blob)
    return taken
  }

  /** Where its row says that it is; and where a crash between row and file may have left it. */
  #placesOf({ cid, tempKey, takedown }: SourceBlob): Place[] {
    const stored = this.#place('stored', cid)
    const quarantined = this.#place('quarantined', cid)
    const temporary = tempKey !== null && isPlainName(tempKey) ? [this.#place('temporary', tempKey)] : []
    if (takedown !== null) return [quarantined, ...temporary, stored]
    return [...temporary, stored, quarantined]
  }

  #place(area: TreeArea, name: string): Place {
    const { tree, did } = this.#parties
    return { at: tree.describe(area, did, name), open: (signal) => tree.open(area, did, name, { signal }) }
  }

  async #unmet(tables: readonly string[]): Promise<void> {
    const { did, actor, references, job } = this.#parties
    if (!job.dryRun) await references.expectMissing()
    for (const table of tables) {
      for await (const rows of actor.unmet(table)) {
        for (const { at, cid, uri } of rows) {
          const isCid = cid !== null && isBlobCid(cid)
          const place = isCid && uri !== null ? uri : `table ${table}, row ${at}`
          job.found({ problem: isCid ? 'missing' : 'unreadable', did, cid: cid ?? undefined, place })
        }
      }
    }
  }

  async #unknown(area: TreeArea): Promise<void> {
    const { did, actor, tree, job } = this.#parties
    for await (const name of actor.strangers('cid', tree.names(area, did, { signal: job.signal }))) {
      job.signal?.throwIfAborted()
      job.found({ problem: 'unknown', did, cid: name, place: tree.describe(area, did, name) })
    }
  }

  async #leftovers(): Promise<void> {
    const { did, actor, tree, job } = this.#parties
    for await (const _key of actor.strangers('tempKey', tree.names('temporary', did, { signal: job.signal }))) {
      job.signal?.throwIfAborted()
      job.report.leftovers += 1
    }
  }
}

const hasCid = (row: BlobRow): row is BlobRow & { cid: NonNullable<SourceBlob['cid']> } =>
  row.cid !== null && isBlobCid(row.cid)

/** Columns with invalid values. */
function invalidColumnsOf(row: BlobRow): string[] {
  const invalid = (['mimeType', 'size', 'createdAt'] as const).filter((column) => row[column] === null) as string[]
  if (row.isTemporary && row.tempKey === null) invalid.push('tempKey')
  if (row.isTakenDown && row.takedownRef === null) invalid.push('takedownRef')
  return invalid
}
