import { BlobStoreError } from '../../errors.ts'
import { assertOptions } from '../../options.ts'

export interface MigrationSqlOptions {
  /**
   * The version of the existing tables: the last `name` in the table `blobstore_migration`.
   * @default none: there are no tables
   */
  after?: string | undefined
  /** Whether to create the functions too, for PostgreSQL: see `KyselyMetadataOptions.functions`. @default true */
  functions?: boolean | undefined
}

/**
 * The SQL that creates the tables, or upgrades those of an older version, for hosts whose role may not. Let a role with
 * that right run it in the schema that the store will use, and open the store with `migrate: 'check'`.
 *
 * @example
 * ```ts
 * import { writeFile } from 'node:fs/promises'
 * import { migrationSql } from 'pds-blobstore'
 *
 * await writeFile('tables.sql', await migrationSql('postgres'))
 * ```
 *
 * @throws `InvalidArgument`
 */
export async function migrationSql(dialect: 'sqlite' | 'postgres', options: MigrationSqlOptions = {}): Promise<string> {
  assertOptions('migrationSql', options, ['after', 'functions'])
  if (dialect !== 'sqlite' && dialect !== 'postgres') {
    throw new BlobStoreError('InvalidArgument', "migrationSql(dialect): dialect must be 'sqlite' or 'postgres'")
  }
  const { recordMigrations } = await import('./recorded-migrations.ts')
  const { after, functions = true } = options
  if (typeof functions !== 'boolean') {
    throw new BlobStoreError('InvalidArgument', 'migrationSql: functions must be true or false')
  }
  const tables = `begin;\n${await recordMigrations(dialect, after)}commit;\n`
  if (dialect === 'sqlite' || !functions) return tables
  const { definitions, lock } = await import('../postgres/functions/install.ts')
  // In a transaction of their own: the store works without them.
  return `${tables}begin;\n${[lock, ...definitions()].join(';\n')};\ncommit;\n`
}
