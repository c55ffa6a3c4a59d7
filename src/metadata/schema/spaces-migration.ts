import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from '../dialect.ts'
import type { Tables } from './tables.ts'

/**
 * The scope of a reference is `public`, or the URI of the space that the record's own URI names. An account's references in one
 * space, and what its records there wait for, are found without those of other spaces.
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
 * References that the library made itself, with a scope that was no space or a URI that was in none, become records of a space
 * of the account's own. What a host called a scope, with a public URI, stays: nobody sees a blob by it, unless it is a space.
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
 * Records of spaces of the account's own, `at://{did}/space/{type}/{key}/{did}/…`: whatever scope the host gave them, `public`
 * where it gave none, it is the space that their URIs name.
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
