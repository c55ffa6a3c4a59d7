import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/**
 * Makes the scope of each reference `public`, or the URI of the space in the record's own URI. New indexes find an
 * account's references in one space, and what its records there wait for, without reading those of other spaces.
 */
export async function spacesMigration(db: Kysely<Tables>, dialect: Dialect['name']): Promise<void> {
  const { schema } = db
  for (const table of ['blobstore_ref', 'blobstore_expected'] as const) {
    await nameSpaces(db, table)
    await readSpaces(db, table, dialect)
  }
  await schema.dropIndex('blobstore_ref_rev').execute()
  await schema.createIndex('blobstore_ref_rev').on('blobstore_ref').columns(['did', 'scope', 'rev', 'cid']).execute()
  await schema.createIndex('blobstore_ref_scope').on('blobstore_ref').columns(['did', 'scope', 'cid', 'rev']).execute()
  await schema
    .createIndex('blobstore_expected_scope')
    .on('blobstore_expected')
    .columns(['did', 'scope', 'cid', 'record_uri'])
    .execute()
}

/**
 * References that the library made itself, whose scope was no space or whose URI was in none, become records in a space
 * of the account's own. A scope that a host gave to a record with a public URI stays: it shows the blob to no reader,
 * unless it is a space.
 */
async function nameSpaces(db: Kysely<Tables>, table: 'blobstore_ref' | 'blobstore_expected'): Promise<void> {
  const name = sql.table(table)
  const own = sql`'at://' || did`
  for (const view of ['uncommitted', 'quarantined', 'unlisted']) {
    const space = sql`${own} || ${sql.lit(`/space/pds-blobstore.internal.${view}/self`)}`
    await move(space, sql`scope = ${sql.lit(`pds:${view}`)}`)
  }
  await move(sql`scope`, sql`scope like 'at://%'`)

  /** `at://{did}/pds-blobstore.{rest}` becomes `{space}/{did}/pds-blobstore.internal.{rest}`. */
  async function move(space: RawBuilder<unknown>, condition: RawBuilder<unknown>): Promise<void> {
    const prefix = sql`${own} || '/pds-blobstore.'`
    await sql`update ${name}
      set record_uri = ${space} || '/' || did || '/pds-blobstore.internal.' || substr(record_uri, length(${prefix}) + 1),
        scope = ${space}
      where ${condition} and substr(record_uri, 1, length(${prefix})) = ${prefix}`.execute(db)
  }
}

/**
 * Records in spaces of the account's own, `at://{did}/space/{type}/{key}/{did}/…`, get the space that their URI names
 * as scope, whatever scope the host gave them, or `public` if it gave none.
 */
async function readSpaces(
  db: Kysely<Tables>,
  table: 'blobstore_ref' | 'blobstore_expected',
  dialect: Dialect['name'],
): Promise<void> {
  const start = sql`'at://' || did || '/space/'`
  const rest = sql`substr(record_uri, length(${start}) + 1)`
  const find = sql.raw(dialect === 'sqlite' ? 'instr' : 'strpos')
  const typeAndKey = sql`substr(${rest}, 1, ${find}(${rest}, '/' || did || '/') - 1)`
  await sql`update ${sql.table(table)} set scope = ${start} || ${typeAndKey}
    where substr(record_uri, 1, length(${start})) = ${start} and ${find}(${rest}, '/' || did || '/') > 1
      and length(${typeAndKey}) - length(replace(${typeAndKey}, '/', '')) = 1
      and scope <> ${start} || ${typeAndKey}`.execute(db)
}
