import { setTimeout as sleep } from 'node:timers/promises'
import { isBlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { isBlobStoreError } from '../errors.ts'
import { type ActorDatabase, publicTable } from './actor-database.ts'
import type { Errand } from './errand.ts'
import { type Keeper, type SourceBlob, sourceBlob } from './keeper.ts'
import { PassedOver } from './passed-over.ts'
import { isPlainName, type PdsTree, type TreeArea } from './pds-tree.ts'
import type { BlobRow } from './reader/questions.ts'
import type { ImportFinding, ImportReport } from './report.ts'
import { type Place, type Taken, takeIn } from './take-in.ts'

/** How often a blob is looked for that is not as its row says: the PDS may be moving it. In milliseconds between. */
const [looks, pause] = [3, 100]

interface Parties {
  blobs: BlobStore
  did: string
  actor: ActorDatabase
  tree: PdsTree
  keeper: Keeper
  errand: Errand<ImportReport>
}

/** The blobs of one account of a reference PDS. */
export class AccountImport {
  readonly #parties: Parties
  /** Whether there may be records that not everybody sees. */
  #mayHaveSpaces = true

  constructor(parties: Parties) {
    this.#parties = parties
  }

  /** @throws `PassedOver` where the rest of the account cannot be brought along */
  async run(): Promise<void> {
    const { did, actor, errand } = this.#parties
    const { spaces, unreadable } = await actor.tables()
    this.#mayHaveSpaces = spaces.length + unreadable.length > 0
    for (const table of unreadable) errand.found({ problem: 'unreadable', did, place: `table ${table}` })
    // What is taken down goes first: nothing is seen by a record before it is hidden.
    for (const takenDown of [true, false]) await this.#rows(takenDown)
    await this.#unmet([publicTable, ...spaces])
    for (const area of ['stored', 'quarantined'] satisfies TreeArea[]) await this.#unknown(area)
    await this.#leftovers()
  }

  async #rows(takenDown: boolean): Promise<void> {
    const { did, actor, errand } = this.#parties
    for await (const rows of actor.blobs(takenDown)) {
      const failed = ({ cid }: BlobRow, error: Error): ImportFinding => {
        return { problem: 'failed', did, cid: cid ?? undefined, place: 'the store', error }
      }
      await errand.forEach(rows, (row) => this.#one(row), failed)
    }
  }

  async #one(row: BlobRow): Promise<void> {
    const { did, errand } = this.#parties
    if (!hasCid(row)) {
      const place = `table blob, row ${row.at}`
      return errand.found({ problem: 'unreadable', did, cid: row.cid ?? undefined, place })
    }
    const { cid } = row
    const odd = oddColumnsOf(row).join(', ')
    if (odd !== '') errand.found({ problem: 'unreadable', did, cid, place: `table blob, ${odd}` })
    try {
      await this.#settle(sourceBlob(row, this.#mayHaveSpaces))
    } catch (error) {
      if (isBlobStoreError(error, 'AccountDeleted')) throw new PassedOver('failed', 'the store', error)
      throw error
    }
  }

  async #settle(row: SourceBlob): Promise<void> {
    const { did, actor, errand, keeper } = this.#parties
    const { cid } = row
    for (let look = 1, blob = row; ; look++) {
      const taken = await this.#bring(blob)
      if (taken.outcome === 'imported') return this.#tell(blob, taken)
      // It may have been moved or deleted since its row was read, or be written this very moment.
      const now = await actor.blob(cid)
      if (!now || !hasCid(now)) {
        errand.report.gone += 1
        return
      }
      if (look === looks) {
        const { outcome: problem, ...found } = taken
        errand.found({ problem, did, cid, ...found })
        if (!errand.dryRun) await keeper.keep(blob)
        return
      }
      await sleep(pause, undefined, { signal: errand.signal })
      blob = sourceBlob(now, this.#mayHaveSpaces)
    }
  }

  #tell({ cid, size, standing }: SourceBlob, taken: Taken & { outcome: 'imported' }): void {
    const { did, errand } = this.#parties
    for (const damage of taken.damaged) errand.found({ problem: 'damaged', did, cid, ...damage })
    if (size !== null && size !== taken.size) {
      const place = `table blob: its size is ${size} there, and ${taken.size} in truth`
      errand.found({ problem: 'differs', did, cid, place })
    }
    if (standing === 'unnamed') errand.found({ problem: 'unnamed', did, cid, place: 'table blob' })
  }

  /** Brings the store into the state of the source, as far as this blob is concerned. */
  async #bring(blob: SourceBlob): Promise<Taken> {
    const { blobs, did, keeper, errand } = this.#parties
    const held = await blobs.stat(did, blob.cid, { as: 'moderator' })
    if (held) {
      errand.report.present += 1
      if (!errand.dryRun && !(await keeper.isDone(blob))) await keeper.keep(blob)
      return { outcome: 'imported', size: held.size, damaged: [] }
    }
    if (!errand.dryRun) await keeper.hide(blob)
    const taken = await takeIn(blobs, { ...blob, did, places: this.#placesOf(blob) }, errand)
    if (taken.outcome === 'imported' && !errand.dryRun) await keeper.keep(blob)
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
    const { did, actor, keeper, errand } = this.#parties
    if (!errand.dryRun) await keeper.expectMissing()
    for (const table of tables) {
      for await (const rows of actor.unmet(table)) {
        for (const { at, cid, uri } of rows) {
          const isCid = cid !== null && isBlobCid(cid)
          const place = isCid && uri !== null ? uri : `table ${table}, row ${at}`
          errand.found({ problem: isCid ? 'missing' : 'unreadable', did, cid: cid ?? undefined, place })
        }
      }
    }
  }

  async #unknown(area: TreeArea): Promise<void> {
    const { did, actor, tree, errand } = this.#parties
    for await (const name of actor.strangers('cid', tree.names(area, did, { signal: errand.signal }))) {
      errand.signal?.throwIfAborted()
      errand.found({ problem: 'unknown', did, cid: name, place: tree.describe(area, did, name) })
    }
  }

  async #leftovers(): Promise<void> {
    const { did, actor, tree, errand } = this.#parties
    for await (const _key of actor.strangers('tempKey', tree.names('temporary', did, { signal: errand.signal }))) {
      errand.signal?.throwIfAborted()
      errand.report.leftovers += 1
    }
  }
}

const hasCid = (row: BlobRow): row is BlobRow & { cid: NonNullable<SourceBlob['cid']> } =>
  row.cid !== null && isBlobCid(row.cid)

/** Columns that have what is no value of theirs. */
function oddColumnsOf(row: BlobRow): string[] {
  const odd = (['mimeType', 'size', 'createdAt'] as const).filter((column) => row[column] === null) as string[]
  if (row.isTemporary && row.tempKey === null) odd.push('tempKey')
  if (row.isTakenDown && row.takedownRef === null) odd.push('takedownRef')
  return odd
}
