import { join } from 'node:path'
import type { BlobCid } from '../blob/cid.ts'
import { isDid } from '../blob/did.ts'
import { publicScope } from '../blob/scope.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import { assertOptions } from '../options.ts'
import { pin } from '../pds/pins.ts'
import { AuroraDatabase, type AuroraRow } from './aurora-database.ts'
import { cidOfAuroraName } from './aurora-name.ts'
import { Errand, type ErrandOptions, errandOptions } from './errand.ts'
import { entriesOf, openFile } from './files.ts'
import { isPlainName } from './pds-tree.ts'
import { emptyReport, type ImportReport } from './report.ts'
import { takeIn } from './take-in.ts'

export interface ImportAuroraOptions extends ErrandOptions<AuroraReport> {
  /** The folder of its blobs: `{folder}/ba/bafyrei…`. */
  folder: string
  /** The SQLite file with the table `blob_metadata`. */
  database: string
}

export interface AuroraReport extends ImportReport {
  /** Of all blobs that the store now has, those of earlier calls included. */
  names: AuroraBlobName[]
}

/** What records must be changed to. */
export interface AuroraBlobName {
  did: string
  /** What Aurora Locus calls it, in records too. */
  name: string
  cid: BlobCid
}

const pageSize = 500

/**
 * Brings the blobs of an Aurora Locus PDS into a store. It calls blobs by names that are no CIDs, in records too; the
 * report has the true CID of each. Until the records are rewritten nothing references the blobs, so each is kept, and
 * seen, by a pin: `dropPins` lets go of them when that is done.
 *
 * Aurora Locus knows one account of each blob, the first that uploaded it. Takedowns are not in its table.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { importAurora } from 'pds-blobstore/import'
 *
 * declare const blobs: BlobStore
 * const report = await importAurora(blobs, { folder: 'data/blobs', database: 'data/account.sqlite' })
 * const cidOf = new Map(report.names.map(({ name, cid }) => [name, cid]))
 * ```
 *
 * @throws `InvalidArgument`, and what 20 blobs in a row fail with
 */
export async function importAurora(blobs: BlobStore, options: ImportAuroraOptions): Promise<AuroraReport> {
  assertOptions('importAurora', options, ['folder', 'database', ...errandOptions])
  const { folder } = options
  for (const name of ['folder', 'database'] as const) {
    if (typeof options[name] === 'string' && options[name] !== '') continue
    throw new BlobStoreError('InvalidArgument', `importAurora: ${name} must be a path`)
  }
  const report: AuroraReport = { ...emptyReport(), names: [] }
  const errand = new Errand('importAurora', report, options)
  using database = await AuroraDatabase.open(options.database)
  report.blobs = database.count()
  for (let after = ''; ; ) {
    const page = database.page(after, pageSize)
    await errand.forEach(page, one, (row, error) => ({ ...aboutRow(row), problem: 'failed', error }))
    const last = page.at(-1)
    if (!last) break
    after = last.name
  }
  await findUnknown()
  return report

  async function one(row: AuroraRow): Promise<void> {
    const { name, did } = row
    const cid = cidOfAuroraName(name)
    if (cid === null || !isDid(did)) return errand.found({ ...aboutRow(row), problem: 'unreadable' })
    if ((await blobs.stat(did, cid)) !== null) {
      report.present += 1
    } else if ((await blobs.stat(did, cid, { as: 'moderator' })) !== null) {
      report.present += 1
      if (!errand.dryRun) await pin(blobs, did, cid, publicScope)
    } else {
      const place = { at: pathOf(name), open: (signal: AbortSignal | undefined) => openFile(pathOf(name), signal) }
      const taken = await takeIn(blobs, { ...row, cid, places: [place] }, errand)
      if (taken.outcome !== 'imported') {
        const { outcome: problem, ...found } = taken
        if (!database.has(name)) report.gone += 1
        else errand.found({ problem, did, cid, ...found })
        return
      }
      if (!errand.dryRun) await pin(blobs, did, cid, publicScope)
    }
    report.names.push({ did, name, cid })
  }

  function pathOf(name: string): string {
    return join(folder, name.slice(0, 2), name)
  }

  async function findUnknown(): Promise<void> {
    for (const shard of await entriesOf(folder)) {
      if (!shard.isDirectory() || shard.name.length !== 2) continue
      for (const entry of await entriesOf(join(folder, shard.name))) {
        errand.signal?.throwIfAborted()
        if (!entry.isFile() || (isPlainName(entry.name) && database.has(entry.name))) continue
        errand.found({ problem: 'unknown', place: join(folder, shard.name, entry.name) })
      }
    }
  }
}

const aboutRow = ({ did, name }: AuroraRow) => ({ did, place: `table blob_metadata, ${name}` })
