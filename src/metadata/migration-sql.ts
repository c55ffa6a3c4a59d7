import { BlobStoreError } from '../errors.ts'

/**
 * The SQL that makes the tables in a database without them, for hosts whose role may not: let one that may run it in
 * the schema that the store will use, and open the store with `migrate: 'check'`.
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
export async function migrationSql(dialect: 'sqlite' | 'postgres'): Promise<string> {
  if (dialect !== 'sqlite' && dialect !== 'postgres') {
    throw new BlobStoreError('InvalidArgument', "migrationSql(dialect): dialect must be 'sqlite' or 'postgres'")
  }
  const { recordMigrations } = await import('./recorded-migrations.ts')
  return `begin;\n${await recordMigrations(dialect)}commit;\n`
}
