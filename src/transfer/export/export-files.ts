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
  /** The folder for the manifest and the files, which are named by their CIDs. */
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
  /** URIs of the records that reference it. Empty for a temporary blob. */
  references: string[]
}

/**
 * Writes everything that a store has as plain files: one for each CID, and `manifest.jsonl`, which says which accounts
 * have them. Each is verified while it is copied. It may be killed and called again: existing files are skipped, and
 * the manifest is written anew when all files are there.
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
 * @throws `InvalidArgument`, and the error of 20 failures in a row
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
