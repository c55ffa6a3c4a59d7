import { BlobStoreError } from '../errors.ts'
import type { BackupOptions, BackupReport } from '../metadata/backup.ts'
import { assertOptions } from '../options.ts'
import { noteBackup } from '../store/backup-age.ts'
import type { StoreContext } from '../store/context.ts'
import { recogniseWhole } from '../store/identity.ts'

/** The next epoch begins before the copy gets its name: whoever restores it is noticed. */
export async function backup(store: StoreContext, path: string, options: BackupOptions = {}): Promise<BackupReport> {
  assertOptions('backup', options, ['overwrite', 'onProgress', 'signal'])
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new BlobStoreError('InvalidArgument', 'backup(path): path must be that of the file to write')
  }
  const { metadata } = store
  if (!metadata.backup) {
    throw new BlobStoreError(
      'InvalidArgument',
      'This store’s metadata are in a database of the host’s, which is backed up as the host does it: PostgreSQL by pg_dump or ' +
        'base backups, SQLite over the very connection that Kysely has (`database.backup(path)`, or VACUUM INTO). Call ' +
        'markBackup() when that is complete',
    )
  }
  return metadata.backup(path, {
    ...options,
    complete: async () => {
      store.epoch = await recogniseWhole(store)
      await noteBackup(store)
    },
  })
}
