import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrationSql } from '../../src/index.ts'
import { pinsOf } from '../../src/pds/pins.ts'
import { isStandIn } from '../../src/transfer/import/stand-in.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bytes, day, friends, nextRev, uriIn, uriOf, work } from '../support/samples.ts'

// Until version 006 of the tables a host gave a reference a scope, and the library's own had URIs like those of public records.

const mark = '3jzfcijpj2z2a0123456789ab'
const ownSpace = `at://${alice}/space/com.example.circle/family`
const view = (name: string) => `at://${alice}/space/pds-blobstore.internal.${name}/self`

/** What stood in the tables, and where it stands after. */
const references = {
  public: { scope: 'public', uri: uriOf(alice, 'a') },
  pinned: { scope: 'public', uri: `at://${alice}/pds-blobstore.pin/{cid}.${mark}` },
  ...Object.fromEntries(
    ['uncommitted', 'quarantined', 'unlisted'].map((name) => [
      name,
      {
        scope: `pds:${name}`,
        uri: `at://${alice}/pds-blobstore.pin/{cid}.${mark}`,
        after: { scope: view(name), uri: `${view(name)}/${alice}/pds-blobstore.internal.pin/{cid}.${mark}` },
      },
    ]),
  ),
  hiddenStandIn: {
    scope: 'pds:unlisted',
    uri: `at://${alice}/pds-blobstore.import/0123456789`,
    after: { scope: view('unlisted'), uri: `${view('unlisted')}/${alice}/pds-blobstore.internal.import/0123456789` },
  },
  standIn: {
    scope: work,
    uri: `at://${alice}/pds-blobstore.import/abcdef0123`,
    after: { scope: work, uri: `${work}/${alice}/pds-blobstore.internal.import/abcdef0123` },
  },
  inOwnSpace: { scope: ownSpace, uri: uriIn(ownSpace, alice, 'b') },
  leaked: {
    scope: 'public',
    uri: uriIn(ownSpace, alice, 'e'),
    after: { scope: ownSpace, uri: uriIn(ownSpace, alice, 'e') },
  },
  ofHost: { scope: 'friends', uri: uriOf(alice, 'c') },
  inSpaceOfHost: { scope: friends, uri: uriOf(alice, 'd') },
} as Record<string, { scope: string; uri: string; after?: { scope: string; uri: string } }>

test.each(hostDatabases)(
  'a store of the version before has its references in spaces, and shows nothing to more than before: $name',
  async ({ name, make }) => {
    const { store, db, clock } = make()
    if (db === undefined) throw new Error('no host')
    const older = store()
    const cids = new Map<string, string>()
    for (const what of Object.keys(references)) cids.set(what, `${(await older.upload(alice, bytes(what))).ref}`)
    const lost = `${(await older.upload(alice, bytes('lost'))).ref}`
    await older.close()
    await sql`delete from blobstore_migration where name = '006'`.execute(db)
    await sql`drop index blobstore_ref_scope`.execute(db)
    await sql`drop index blobstore_expected_scope`.execute(db)
    await sql`drop index blobstore_ref_rev`.execute(db)
    await sql`create index blobstore_ref_rev on blobstore_ref (did, rev, cid, scope)`.execute(db)
    const filled = (text: string, what: string) => text.replace('{cid}', cids.get(what) as string)
    for (const [what, { scope, uri }] of Object.entries(references)) {
      const cid = cids.get(what)
      await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope)
        values (${alice}, ${cid}, ${filled(uri, what)}, ${nextRev()}, ${scope})`.execute(db)
      // The same waits for a blob that is not there: the account has two of everything.
      await sql`insert into blobstore_expected (did, cid, record_uri, rev, scope, mime_type, size)
        values (${alice}, ${`${cid}x`}, ${filled(uri, what)}, ${nextRev()}, ${scope}, 'text/plain', 1)`.execute(db)
    }
    await sql`update blobstore_blob set expires_at = null, was_referenced = 1 where cid <> ${lost}`.execute(db)
    await sql`update blobstore_account set ${sql.ref('temporary')} = 1`.execute(db)
    expect(await migrationSql(name, { after: '004' })).toContain('pds-blobstore.internal.uncommitted')

    const blobs = store()
    await blobs.ready()
    for (const table of ['blobstore_ref', 'blobstore_expected']) {
      const { rows } = await sql<{ cid: string; record_uri: string; scope: string }>`
        select cid, record_uri, scope from ${sql.table(table)}`.execute(db)
      const expected = Object.entries(references).map(([what, { after, ...before }]) => {
        const { scope, uri } = after ?? before
        const cid = table === 'blobstore_ref' ? cids.get(what) : `${cids.get(what)}x`
        return { cid, record_uri: filled(uri, what), scope }
      })
      const inOrder = (a: { cid?: string | undefined }, b: typeof a) => (`${a.cid}` < `${b.cid}` ? -1 : 1)
      expect(rows.sort(inOrder), table).toEqual(expected.sort(inOrder))
    }

    // What was public is, and nothing else.
    const shown = (...what: string[]) => what.map((one) => cids.get(one) as string).sort()
    expect((await blobs.listPublic(alice)).items).toEqual(shown('public', 'pinned'))
    expect((await blobs.listSpace(alice, work)).items).toEqual(shown('standIn'))
    expect((await blobs.listSpace(alice, ownSpace)).items).toEqual(shown('inOwnSpace', 'leaked'))
    expect((await blobs.listSpace(alice, friends)).items).toEqual(shown('inSpaceOfHost'))
    for (const what of ['uncommitted', 'quarantined', 'unlisted', 'hiddenStandIn', 'ofHost']) {
      for (const space of [undefined, friends, work, ownSpace]) {
        expect(await blobs.stat(alice, cids.get(what) as string, { space }), what).toBeNull()
      }
    }
    // The library finds its own again.
    for (const what of ['pinned', 'uncommitted', 'quarantined', 'unlisted']) {
      expect(await pinsOf(blobs, alice, cids.get(what) as never), what).toMatchObject({ pins: [{ mark }] })
    }
    for (const what of ['standIn', 'hiddenStandIn']) {
      const [uri = ''] = await blobs.recordsFor(alice, cids.get(what) as string)
      expect(isStandIn(alice, uri)).toBe(true)
    }
    clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    // Also where the host said that it is in a space, though not by its URI.
    expect(await blobs.dropSpace(alice, friends)).toEqual({ references: 2 })
    expect((await blobs.listSpace(alice, friends)).items).toEqual([])
  },
)
