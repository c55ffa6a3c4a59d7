import { join } from 'node:path'
import { createBlobRef } from '../../blob/blob-ref.ts'
import type { BlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import type { BlobStore } from '../../blob-store.ts'
import { BlobStoreError } from '../../errors.ts'
import { PassedOver, TransferJob, type TransferOptions, transferOptions } from '../../maintenance/transfer-job.ts'
import { assertOptions } from '../../options.ts'
import { nextTid } from '../../pds/mark.ts'
import { isFolder, listingOf, openFile } from '../files.ts'
import type { AuroraRow } from '../reader/questions.ts'
import { SqliteReader } from '../reader/sqlite-reader.ts'
import { AuroraDatabase, cidOfAuroraName } from './aurora-database.ts'
import { emptyReport, type ImportReport } from './report.ts'
import { referenceWithoutRecord } from './stand-in.ts'
import { takeIn } from './take-in.ts'

export interface ImportAuroraOptions extends TransferOptions<AuroraReport> {
  /** The folder of its blobs: `{folder}/ba/bafyrei…`. */
  folder: string
  /** The SQLite file with the table `blob_metadata`. */
  database: string
}

export interface AuroraReport extends ImportReport {
  /** The names of all blobs that the store now has, including those of earlier calls. */
  names: AuroraBlobName[]
}

/** What records must be changed to. */
export interface AuroraBlobName {
  did: string
  /** Aurora Locus's name of the blob, also in records. */
  name: string
  cid: BlobCid
}

/**
 * Imports the blobs of an Aurora Locus PDS into a store. That PDS names blobs by strings that are not CIDs, also in
 * records; the report has the true CID of each. Until the records are rewritten nothing references the blobs, so the
 * import creates a reference that keeps and shows each: call `dropPins` to remove these when the records are rewritten.
 *
 * Aurora Locus stores one account for each blob, the first that uploaded it. Takedowns are not in its table.
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
 * @throws `InvalidArgument`, and the error of 20 failures in a row
 */
export async function importAurora(blobs: BlobStore, options: ImportAuroraOptions): Promise<AuroraReport> {
  assertOptions('importAurora', options, ['folder', 'database', ...transferOptions])
  const { folder } = options
  for (const name of ['folder', 'database'] as const) {
    if (typeof options[name] === 'string' && options[name] !== '') continue
    throw new BlobStoreError('InvalidArgument', `importAurora: ${name} must be a path`)
  }
  const report: AuroraReport = { ...emptyReport(), names: [] }
  const job = new TransferJob('importAurora', report, options)
  using reader = new SqliteReader({ signal: options.signal })
  const database = new AuroraDatabase(reader, options.database)
  await unlessPassedOver(async () => {
    report.blobs = await database.count()
    for await (const rows of database.rows()) {
      await job.forEach(rows, one, (row, error) => ({ ...aboutRow(row), problem: 'failed', error }))
    }
    for (const shard of await listingOf(folder)) {
      if (shard.name.length === 2 && (await isFolder(shard))) await findUnknown(shard.name)
    }
  })
  return report

  async function one(row: AuroraRow): Promise<void> {
    const { name, did } = row
    const cid = name === null ? null : cidOfAuroraName(name)
    if (name === null || cid === null || did === null || !isDid(did)) {
      return job.found({ ...aboutRow(row), problem: 'unreadable' })
    }
    const invalid = (['mimeType', 'createdAt'] as const).filter((column) => row[column] === null).join(', ')
    if (invalid !== '')
      job.found({ problem: 'unreadable', did, cid, place: `table blob_metadata, ${name}: ${invalid}` })
    const held = await blobs.stat(did, cid, { as: 'moderator' })
    if (held) {
      report.present += 1
    } else {
      const place = { at: pathOf(name), open: (signal: AbortSignal | undefined) => openFile(pathOf(name), signal) }
      const taken = await takeIn(blobs, { ...row, did, cid, places: [place] }, job)
      if (taken.outcome !== 'imported') {
        const { outcome: problem, ...found } = taken
        if (!(await database.has(name))) report.gone += 1
        else job.found({ problem, did, cid, ...found })
        return
      }
    }
    if (!job.dryRun) await keep(did, cid)
    report.names.push({ did, name, cid })
  }

  /** Also if it is taken down, which hides it. */
  async function keep(did: string, cid: BlobCid): Promise<void> {
    if ((await blobs.stat(did, cid)) !== null) return
    const held = await blobs.stat(did, cid, { as: 'moderator' })
    const uri = referenceWithoutRecord(did, cid, true)
    if (!held || (await blobs.recordsFor(did, cid)).includes(uri)) return
    const write = { action: 'create', uri, blobs: [{ ref: createBlobRef(held) }] } as const
    await blobs.applyWrites(did, [write], { rev: nextTid(), missing: 'expect' })
  }

  function pathOf(name: string): string {
    return join(folder, name.slice(0, 2), name)
  }

  async function findUnknown(shard: string): Promise<void> {
    for await (const name of database.strangers(namesIn(join(folder, shard)))) {
      job.signal?.throwIfAborted()
      job.found({ problem: 'unknown', place: join(folder, shard, name) })
    }
  }

  async function unlessPassedOver(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof PassedOver)) throw error
      job.found({ problem: error.problem, place: error.place, error })
    }
  }
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  for (const { name } of await listingOf(folder)) yield name
}

const aboutRow = ({ did, name, at }: AuroraRow) => ({
  did: did ?? undefined,
  place: `table blob_metadata, ${name ?? `row ${at}`}`,
})
