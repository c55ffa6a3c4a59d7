import type { Kysely } from 'kysely'
import { assertOneOf, assertOptions, invalidArgument } from '../options.ts'
import type { BackupSteps } from './contract/backup.ts'
import type { Tables } from './schema/tables.ts'
import type { MetadataDurability } from './sqlite/settings.ts'
import type { StepDriver } from './step.ts'
import type { AroundTransactions } from './transaction.ts'

export interface KyselyMetadataOptions {
  /**
   * `auto` creates and upgrades the tables when the store opens; `check` refuses to open when that is needed, for hosts
   * whose database role may not do it.
   * @default 'auto'
   */
  migrate?: 'auto' | 'check' | undefined
  /**
   * Whether to create functions in a PostgreSQL database, beside the tables, and to call them: then an upload is two
   * round trips instead of eight. Without the right to create them the store does without. With `migrate: 'check'` it
   * calls them if they exist. They run with the rights of the role that calls them. SQLite has none.
   * @default true
   */
  functions?: boolean | undefined
  /** `relaxed` accepts settings with which a power cut may lose acknowledged uploads. @default 'full' */
  durability?: MetadataDurability | undefined
  /** Replaces the database's clock, in tests: milliseconds since 1970. @default the database's */
  now?: (() => number) | undefined
}

/** @throws `InvalidArgument` */
export function checkMetadataOptions(what: string, options: KyselyMetadataOptions): void {
  assertOptions(what, options, ['migrate', 'functions', 'durability', 'now'])
  assertOneOf(`${what}: migrate`, options.migrate, ['auto', 'check'])
  assertOneOf(`${what}: durability`, options.durability, ['full', 'relaxed'])
  if (!(options.functions === undefined || typeof options.functions === 'boolean')) {
    throw invalidArgument(what, 'functions must be true or false')
  }
  if (options.now === undefined || typeof options.now === 'function') return
  throw invalidArgument(what, 'now must be a function')
}

/** Where an adapter gets its database from. */
export interface Source extends KyselyMetadataOptions {
  /** As {@link MetadataAdapter.location}. */
  location?: string
  connect(): Promise<Connection>
  /** Whether a transaction of the host can never be on this database. */
  ownFile: boolean
}

export interface Connection extends Partial<BackupSteps> {
  db: Kysely<Tables>
  /** For a connection of our own. */
  around?: AroundTransactions
  /** Runs the steps. @default through `db` */
  driver?: StepDriver
  close(): Promise<void>
}
