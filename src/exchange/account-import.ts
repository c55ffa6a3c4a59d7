import { setTimeout as sleep } from 'node:timers/promises'
import { isBlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import type { ActorBlob, ActorDatabase } from './actor-database.ts'
import type { Errand } from './errand.ts'
import type { Keeper, SourceBlob } from './keeper.ts'
import { isPlainName, type PdsTree, type TreeArea } from './pds-tree.ts'
import type { ImportFinding, ImportReport } from './report.ts'
import { type Place, type Taken, takeIn } from './take-in.ts'

const pageSize = 500
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

  constructor(parties: Parties) {
    this.#parties = parties
  }

  async run(): Promise<void> {
    // What is taken down goes first: nothing is seen by a record before it is hidden.
    for (const takenDown of [true, false]) await this.#rows(takenDown)
    await this.#unmet()
    for (const area of ['stored', 'quarantined'] satisfies TreeArea[]) await this.#unknown(area)
    await this.#leftovers()
  }

  async #rows(takenDown: boolean): Promise<void> {
    const { did, actor, errand } = this.#parties
    for (let after = ''; ; ) {
      const page = actor.page(takenDown, after, pageSize)
      const failed = ({ cid }: ActorBlob, error: Error): ImportFinding => {
        return { problem: 'failed', did, cid, place: 'the store', error }
      }
      await errand.forEach(page, (row) => this.#one(row), failed)
      const last = page.at(-1)
      if (!last) return
      after = last.cid
    }
  }

  async #one(row: ActorBlob): Promise<void> {
    const { did, actor, errand } = this.#parties
    const { cid } = row
    if (!isSourceBlob(row)) return errand.found({ problem: 'unreadable', did, cid, place: 'table blob' })
    for (let look = 1, blob = row; ; look++) {
      const taken = await this.#bring(blob)
      if (taken.outcome === 'imported') return
      // It may have been moved or deleted since its row was read, or be written this very moment.
      const now = actor.blob(cid)
      if (!now) {
        errand.report.gone += 1
        return
      }
      if (look === looks) {
        const { outcome: problem, ...found } = taken
        errand.found({ problem, did, cid, ...found })
        if (!errand.dryRun) await this.#parties.keeper.keep(blob)
        return
      }
      await sleep(pause, undefined, { signal: errand.signal })
      blob = now
    }
  }

  /** Brings the store into the state of the source, as far as this blob is concerned. */
  async #bring(blob: SourceBlob): Promise<Taken> {
    const { blobs, did, keeper, errand } = this.#parties
    if (await keeper.isDone(blob)) {
      errand.report.present += 1
      return { outcome: 'imported' }
    }
    if (await blobs.stat(did, blob.cid, { as: 'moderator' })) {
      errand.report.present += 1
    } else {
      if (!errand.dryRun) await keeper.admit(blob)
      const taken = await takeIn(blobs, { ...blob, did, places: this.#placesOf(blob) }, errand)
      if (taken.outcome !== 'imported') return taken
    }
    if (!errand.dryRun) await keeper.keep(blob)
    return { outcome: 'imported' }
  }

  /** Where its row says that it is; and where a crash between row and file may have left it. */
  #placesOf({ cid, tempKey, takedownRef }: SourceBlob): Place[] {
    const stored = this.#place('stored', cid)
    const quarantined = this.#place('quarantined', cid)
    const temporary = tempKey !== null && isPlainName(tempKey) ? [this.#place('temporary', tempKey)] : []
    if (takedownRef !== null) return [quarantined, ...temporary, stored]
    return [...temporary, stored, quarantined]
  }

  #place(area: TreeArea, name: string): Place {
    const { tree, did } = this.#parties
    return { at: tree.describe(area, did, name), open: (signal) => tree.open(area, did, name, { signal }) }
  }

  async #unmet(): Promise<void> {
    const { did, actor, keeper, errand } = this.#parties
    const unmet = actor.unmetRefs()
    if (!errand.dryRun) await keeper.expect(new Set(unmet.map(({ uri }) => uri)))
    for (const { cid, uri } of unmet) errand.found({ problem: 'missing', did, cid, place: uri })
  }

  async #unknown(area: TreeArea): Promise<void> {
    const { did, actor, tree, errand } = this.#parties
    for await (const name of tree.names(area, did, { signal: errand.signal })) {
      errand.signal?.throwIfAborted()
      if (actor.blob(name)) continue
      errand.found({ problem: 'unknown', did, cid: name, place: tree.describe(area, did, name) })
    }
  }

  async #leftovers(): Promise<void> {
    const { did, actor, tree, errand } = this.#parties
    for await (const key of tree.names('temporary', did, { signal: errand.signal })) {
      errand.signal?.throwIfAborted()
      if (!actor.hasTempKey(key)) errand.report.leftovers += 1
    }
  }
}

const isSourceBlob = (row: ActorBlob): row is SourceBlob => isBlobCid(row.cid)
