import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Tables } from '../schema/tables.ts'

/** `full`: an acknowledged commit survives a power cut. `relaxed`: it survives a crash of the process. */
export type MetadataDurability = 'full' | 'relaxed'

const pragmas = ['foreign_keys', 'journal_mode', 'synchronous'] as const
type Pragma = (typeof pragmas)[number]

/**
 * The lines that make a connection safe. SQLite stores only `journal_mode` in the file: the others are per connection.
 */
const safeSettings: Record<Pragma, string> = {
  foreign_keys: 'ON',
  journal_mode: 'WAL',
  synchronous: 'FULL',
}

/** Makes a connection of our own safe. */
export async function applySettings(db: Kysely<Tables>, durability: MetadataDurability): Promise<void> {
  // In this order: turning WAL on may change the connection's `synchronous`.
  await sql`PRAGMA journal_mode = WAL`.execute(db)
  await sql.raw(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`).execute(db)
  await sql`PRAGMA foreign_keys = ON`.execute(db)
}

/**
 * Reads a connection's settings back, and refuses those that would lose acknowledged blobs: better-sqlite3 opens every
 * later connection to a WAL file with `synchronous = NORMAL`, and SQLite itself leaves foreign keys off.
 *
 * @throws `MetadataUnsafe`, with the lines to add
 */
export async function checkSettings(db: Kysely<Tables>, durability: MetadataDurability): Promise<void> {
  const values = {} as Record<Pragma, string>
  for (const pragma of pragmas) {
    const { rows } = await sql.raw<Record<string, unknown>>(`PRAGMA ${pragma}`).execute(db)
    values[pragma] = String(rows[0]?.[pragma]).toLowerCase()
  }
  const wrong: Pragma[] = []
  if (values.foreign_keys !== '1') wrong.push('foreign_keys')
  if (values.journal_mode !== 'memory' && durability === 'full') {
    if (values.journal_mode !== 'wal') wrong.push('journal_mode')
    if (Number(values.synchronous) < 2) wrong.push('synchronous')
  }
  if (wrong.length === 0) return
  const lines = wrong.map((pragma) => `PRAGMA ${pragma} = ${safeSettings[pragma]};`)
  throw new BlobStoreError(
    'MetadataUnsafe',
    `With this connection's settings acknowledged blobs could be lost. Run on every connection, when it is opened:\n` +
      `  ${lines.join('\n  ')}\n` +
      `(found: ${wrong.map((pragma) => `${pragma} = ${values[pragma]}`).join(', ')}). ` +
      `{ durability: 'relaxed' } accepts less durability, but never foreign_keys = 0`,
  )
}
