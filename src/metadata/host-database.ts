import type { Kysely } from 'kysely'
import type { Tables } from './schema/tables.ts'

/**
 * A Kysely of the host's. Structural, since the host's copy of Kysely may be another than ours.
 */
export interface HostDatabase {
  readonly isTransaction: boolean
  withoutPlugins(): object
}

/** A transaction of the host's, on the database that the store's metadata live in. */
export type HostTransaction = HostDatabase

/** The host's Kysely as one of ours: without its plugins, since CamelCasePlugin and the like would rename columns. */
export function ownTables(db: HostDatabase): Kysely<Tables> {
  return db.withoutPlugins() as Kysely<Tables>
}

export interface InTransaction {
  trx?: HostTransaction | undefined
}
