import { join, resolve } from 'node:path'
import type { BlobStore } from '../../blob-store.ts'
import { BlobStoreError } from '../../errors.ts'
import { transferOptions } from '../../maintenance/transfer-job.ts'
import type { BlobStat } from '../../metadata/types.ts'
import { assertOptions } from '../../options.ts'
import { isPinned, quarantined } from '../../pds/pins.ts'
import type { ActorDatabase } from '../import/actor-database.ts'
import type { DiskTreeOptions } from '../import/disk-tree.ts'
import { isPlainName } from '../import/pds-tree.ts'
import { ExportJob } from './export-job.ts'
import { assertExportPlace } from './export-place.ts'
import { type ExportOptions, type ExportReport, exportOptions } from './report.ts'

/**
 * With `actors`, temporary blobs of the PDS are written where it looks for them, and blobs without a row there are left
 * out. Without, only referenced blobs are written.
 */
export interface ExportPdsOptions extends ExportOptions, DiskTreeOptions {}

/**
 * Writes the blobs of a store as files, in the layout of the reference PDS (`@atproto/pds`) on disk: the way back. Each
 * is verified while it is copied. It may be killed and called again: existing files are skipped.
 *
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { exportPds } from 'pds-blobstore/export'
 *
 * declare const blobs: BlobStore
 * await exportPds(blobs, { location: '/pds/blocks', actors: '/pds/actors' })
 * ```
 *
 * @throws `InvalidArgument`, and the error of 20 failures in a row
 */
export async function exportPds(blobs: BlobStore, options: ExportPdsOptions): Promise<ExportReport> {
  const known = ['location', 'tempLocation', 'quarantineLocation', ...exportOptions, ...transferOptions]
  assertOptions('exportPds', options, known)
  if (typeof options.location !== 'string' || options.location === '') {
    throw new BlobStoreError('InvalidArgument', 'exportPds: location must be the folder that files are written to')
  }
  const location = resolve(options.location)
  const tempLocation = resolve(options.tempLocation ?? join(location, 'tempt'))
  const quarantineLocation = resolve(options.quarantineLocation ?? join(location, 'quarantine'))
  const folders = [location, tempLocation, quarantineLocation]
  await assertExportPlace({ what: 'exportPds', layout: 'pds', folders, actors: options.actors })
  const running = await ExportJob.begin('exportPds', blobs, join(location, '.export'), options)
  const { report, job } = running

  await running.forEachAccount(async (did, actor) => {
    await running.forEachBlob(did, async (stat) => {
      const path = await pathOf(did, stat, actor)
      if (path === null) report.skipped += 1
      else await running.write(did, stat, path)
    })
  })
  await running.files.finish()
  return report

  /** Where the PDS looks for it; null if it does not. */
  async function pathOf(did: string, stat: BlobStat, actor: ActorDatabase | null | undefined): Promise<string | null> {
    const { cid } = stat
    if (actor === undefined) {
      if (!stat.referenced) return null
      const isHidden = stat.takenDown || (await isQuarantined(did, stat))
      return join(isHidden ? quarantineLocation : location, did, cid)
    }
    const row = await actor?.blob(cid)
    if (!row) return null
    if (!row.isTemporary) return join(row.isTakenDown ? quarantineLocation : location, did, cid)
    if (row.tempKey !== null && isPlainName(row.tempKey)) return join(tempLocation, did, row.tempKey)
    job.found({ problem: 'unreadable', did, cid, place: 'table blob, tempKey' })
    return null
  }

  async function isQuarantined(did: string, { cid }: BlobStat): Promise<boolean> {
    if ((await blobs.stat(did, cid)) !== null) return false
    return isPinned(blobs, did, cid, quarantined)
  }
}
