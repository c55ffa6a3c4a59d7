import { BlobStoreError } from '../errors.ts'
import type { BackupOptions, BackupReport } from '../metadata/contract/backup.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from '../store/context.ts'
import { verifyWholeIdentity } from '../store/identity.ts'

/** The next epoch begins before the copy gets its name, so that a restore of the copy is noticed. */
export async function backup(store: StoreContext, path: string, options: BackupOptions = {}): Promise<BackupReport> {
  assertOptions('backup', options, ['overwrite', 'onProgress', 'signal'])
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new BlobStoreError('InvalidArgument', 'backup(path): path must be that of the file to write')
  }
  const { metadata } = store
  if (!metadata.backup) {
    throw new BlobStoreError(
      'InvalidArgument',
      'This store’s metadata is in a database of the host, which the host backs up: PostgreSQL with pg_dump or ' +
        'base backups, SQLite over the very connection that Kysely has (`database.backup(path)`, or VACUUM INTO). Call ' +
        'markBackup() when that is complete',
    )
  }
  const report = await metadata.backup(path, {
    ...options,
    complete: async () => {
      store.epoch = await verifyWholeIdentity(store)
    },
  })
  await noteBackup(store).catch((cause: unknown) => {
    const message = 'The backup is complete, but the database could not note it: call markBackup(), or back up again'
    throw new BlobStoreError('MetadataFailed', message, { cause, transient: true })
  })
  return report
}

/**
 * Records that a backup of the database is complete. Warns if the previous one was older than the delete delay until
 * now: after a restore of it, rows would have named bytes that were deleted.
 */
export async function noteBackup({ metadata, times, logger }: StoreContext): Promise<void> {
  const age = await metadata.noteBackup()
  if (age === null || age < times.deleteDelay) return
  logger.warn(
    { age, deleteDelay: times.deleteDelay },
    `The backup before this one is ${days(age)} old, and times.deleteDelay is ${days(times.deleteDelay)}: a restore of it would ` +
      'have named bytes that are deleted by now. Back up more often, or set a longer times.deleteDelay (pds-blobstore/docs/operations.md, Backup)',
  )
}

function days(milliseconds: number): string {
  const hours = milliseconds / 3_600_000
  return hours < 72 ? `${Number(hours.toFixed(1))} hours` : `${Number((hours / 24).toFixed(1))} days`
}
