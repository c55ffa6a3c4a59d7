import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../schema/tables.ts'
import { sqliteFile } from './database-place.ts'

/** `full`: an acknowledged commit survives a power cut. `relaxed`: it survives a crash of the process. */
export type MetadataDurability = 'full' | 'relaxed'

const pragmas = ['foreign_keys', 'journal_mode', 'synchronous'] as const
type Pragma = (typeof pragmas)[number]

/**
 * The lines that make a connection safe, in the order to run them: turning WAL on may change the connection's
 * `synchronous`. SQLite stores only `journal_mode` in the file: the others are per connection.
 */
const safeSettings = (durability: MetadataDurability): string[] => [
  'PRAGMA journal_mode = WAL;',
  `PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'};`,
  'PRAGMA foreign_keys = ON;',
]

/** Makes a connection of our own safe. */
export async function applySettings(db: Kysely<Tables>, durability: MetadataDurability): Promise<void> {
  for (const line of safeSettings(durability)) await sql.raw(line).execute(db)
}

/**
 * Reads a connection's settings back, and refuses those that would lose acknowledged blobs: better-sqlite3 opens every
 * later connection to a WAL file with `synchronous = NORMAL`, and SQLite itself leaves foreign keys off.
 *
 * @throws `MetadataUnsafe`, with what is wrong, and all lines that make a connection safe: a host that added only some
 *   would meet the next refusal
 */
export async function checkSettings(db: Kysely<Tables>, durability: MetadataDurability): Promise<void> {
  const values = {} as Record<Pragma, string>
  for (const pragma of pragmas) {
    const { rows } = await sql.raw<Record<string, unknown>>(`PRAGMA ${pragma}`).execute(db)
    values[pragma] = String(rows[0]?.[pragma]).toLowerCase()
  }
  const wrong: Pragma[] = []
  if (values.foreign_keys !== '1') wrong.push('foreign_keys')
  const isInMemory = values.journal_mode === 'memory' && (await sqliteFile(db)) === undefined
  if (!isInMemory && durability === 'full') {
    if (values.journal_mode !== 'wal') wrong.push('journal_mode')
    if (Number(values.synchronous) < 2) wrong.push('synchronous')
  }
  if (wrong.length === 0) return
  throw new BlobStoreError(
    'MetadataUnsafe',
    `With this connection's settings acknowledged blobs could be lost: ` +
      `${wrong.map((pragma) => `${pragma} is ${values[pragma]}`).join(', ')}. ` +
      `Run all of these on every connection, when it is opened:\n` +
      `  ${safeSettings(durability).join('\n  ')}\n` +
      `{ durability: 'relaxed' } accepts less durability, but never foreign_keys = 0`,
  )
}
