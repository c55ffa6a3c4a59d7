import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../schema/tables.ts'
import type { MetadataDurability } from '../sqlite/settings.ts'

/**
 * Reads the settings that decide whether an acknowledged commit survives, and refuses those that would lose it. The
 * default isolation level does not matter: the store's own transactions set theirs.
 *
 * @throws `MetadataUnsafe`, with the lines to change; `MetadataFailed` if nothing can be written
 */
export async function checkPostgresSettings(db: Kysely<Tables>, durability: MetadataDurability): Promise<void> {
  const { rows } = await sql<Settings>`
    select current_setting('synchronous_commit') as synchronous_commit, current_setting('fsync') as fsync,
      current_setting('server_encoding') as encoding, pg_is_in_recovery() as replica`.execute(db)
  const { synchronous_commit, fsync, encoding, replica } = rows[0] as Settings
  if (replica) {
    throw new BlobStoreError(
      'MetadataFailed',
      'This PostgreSQL server is a read-only replica, but a store writes: give it a connection to the primary',
      { transient: true }, // it may be about to be promoted
    )
  }
  if (encoding !== 'UTF8') {
    throw new BlobStoreError('MetadataFailed', `The database's encoding is ${encoding}, and must be UTF8`)
  }
  if (durability === 'relaxed') return
  const wrong: [why: string, cure: string][] = []
  if (fsync === 'off') {
    wrong.push(['this server runs with fsync = off', 'in postgresql.conf, then restart or reload:\n  fsync = on'])
  }
  // `local` and `remote_write` at least wait for this server's own disk.
  if (synchronous_commit === 'off') {
    wrong.push([
      'this connection runs with synchronous_commit = off',
      'as its owner, then reconnect:\n  ALTER ROLE CURRENT_USER SET synchronous_commit = on;\n' +
        'or remove it where it was set (postgresql.conf, ALTER DATABASE, the connection string)',
    ])
  }
  if (wrong.length > 0) throw unsafe(wrong)
}

interface Settings {
  synchronous_commit: string
  fsync: string
  encoding: string
  replica: boolean
}

function unsafe(wrong: readonly [why: string, cure: string][]): BlobStoreError {
  return new BlobStoreError(
    'MetadataUnsafe',
    `Acknowledged blobs could be lost, because ${wrong.map(([why]) => why).join(', and ')}. ` +
      `${wrong.map(([, cure]) => `Set, ${cure}`).join('\n')}\n{ durability: 'relaxed' } accepts it`,
  )
}
