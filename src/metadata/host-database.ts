/**
 * A Kysely of the host's. Structural, since the host's copy of Kysely may be another than ours.
 */
export interface HostDatabase {
  readonly isTransaction: boolean
  withoutPlugins(): object
}

/** A transaction of the host's, on the database that the store's metadata live in. */
export type HostTransaction = HostDatabase
