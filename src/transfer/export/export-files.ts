import { join, resolve } from 'node:path'
import type { BlobStore } from '../../blob-store.ts'
import { BlobStoreError } from '../../errors.ts'
import { transferOptions } from '../../maintenance/transfer-job.ts'
import type { BlobStat } from '../../metadata/types.ts'
import { assertOptions } from '../../options.ts'
import { ExportJob } from './export-job.ts'
import { assertExportPlace } from './export-place.ts'
import { type ExportOptions, type ExportReport, exportOptions } from './report.ts'

export interface ExportFilesOptions extends ExportOptions {
  /** Files are written to it, called by their CIDs; and the manifest. */
  folder: string
}

/** A line of `manifest.jsonl`: a blob of an account. The bytes of several accounts are one file. */
export interface ManifestLine {
  did: string
  cid: string
  mimeType: string
  /** In bytes. */
  size: number
  createdAt: string
  takenDown: boolean
  /** URIs of the records that reference it; none: it is temporary. */
  references: string[]
}

/**
 * Writes all that a store has as plain files: one for each CID, and `manifest.jsonl`, which says whose they are. Each is
 * verified on its way. It may be killed and called again: files that are there already are passed over, and the manifest
 * is written anew, when all files are there.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { exportFiles } from 'pds-blobstore/export'
 *
 * declare const blobs: BlobStore
 * const report = await exportFiles(blobs, { folder: '/backup/blobs' })
 * ```
 *
 * @throws `InvalidArgument`, and what 20 blobs in a row fail with
 */
export async function exportFiles(blobs: BlobStore, options: ExportFilesOptions): Promise<ExportReport> {
  assertOptions('exportFiles', options, ['folder', ...exportOptions, ...transferOptions])
  if (typeof options.folder !== 'string' || options.folder === '') {
    throw new BlobStoreError('InvalidArgument', 'exportFiles: folder must be the one that files are written to')
  }
  const folder = resolve(options.folder)
  await assertExportPlace({ what: 'exportFiles', layout: 'files', folders: [folder], actors: options.actors })
  const running = await ExportJob.begin('exportFiles', blobs, join(folder, '.export'), options)
  const dids: string[] = []
  await running.forEachAccount(async (did) => {
    dids.push(did)
    await running.forEachBlob(did, (stat) => running.write(did, stat, join(folder, stat.cid)))
  })
  if (!options.dryRun) await running.files.write(join(folder, 'manifest.jsonl'), async () => manifest())
  await running.files.finish()
  return running.report

  async function* manifest(): AsyncGenerator<Uint8Array> {
    for (const did of dids) {
      let cursor: string | undefined
      do {
        const page = await blobs.listAll(did, { cursor, signal: options.signal })
        for (const stat of page.items) yield Buffer.from(`${JSON.stringify(await lineOf(did, stat))}\n`)
        cursor = page.cursor
      } while (cursor !== undefined)
    }
  }

  async function lineOf(did: string, stat: BlobStat): Promise<ManifestLine> {
    const { cid, mimeType, size, takenDown } = stat
    const references = await blobs.recordsFor(did, cid, { signal: options.signal })
    return { did, cid, mimeType, size, createdAt: stat.createdAt.toISOString(), takenDown, references }
  }
}
