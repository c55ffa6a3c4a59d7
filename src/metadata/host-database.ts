import type { Kysely } from 'kysely'
import type { Tables } from './schema/tables.ts'

/** The host's Kysely. Structural, because the host may have another copy of Kysely. */
export interface HostDatabase {
  readonly isTransaction: boolean
  withoutPlugins(): object
}

/** A transaction of the host, on the database that has the store's metadata. */
export type HostTransaction = HostDatabase

/**
 * The host's Kysely with our types and without its plugins, because CamelCasePlugin and the like would rename columns.
 */
export function ownTables(db: HostDatabase): Kysely<Tables> {
  return db.withoutPlugins() as Kysely<Tables>
}

export interface InTransaction {
  trx?: HostTransaction | undefined
}
