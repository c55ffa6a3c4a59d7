import { type Kysely, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { HostDatabase } from '../../src/index.ts'
import { meddleMetadata } from '../support/meddling.ts'
import { hostDatabases } from '../support/places.ts'
import { alice, bob, nextRev, post, uriOf } from '../support/samples.ts'
import { bad, cid } from './purging.ts'

// A blob that very many records name is purged in many small transactions, between which others have their turn.

const many = 100_000
/** As if the account had written so many records: the rows alone, since this is not about writing them. */
async function name(db: HostDatabase & Kysely<never>, did: string): Promise<void> {
  const rev = nextRev()
  await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope)
    with recursive s (n) as (select 1 union all select n + 1 from s where n < ${many})
    select ${did}, ${cid}, 'at://' || n, ${rev}, 'public' from s`.execute(db)
}

// Fails when `releasePurged` takes all references at once, or finds those of a page by walking through all.
test.each(hostDatabases)(
  '100,000 references take as many small transactions: $name',
  { timeout: 120_000 },
  async ({ name: dialect, make }) => {
    const place = make()
    const { db } = place
    if (db === undefined) throw new Error('no host')
    const remaining = async (table: 'blobstore_ref' | 'blobstore_expected') => {
      const { rows } = await sql<{
        n: number
      }>`select count(*) as n from ${sql.table(table)} where did = ${alice}`.execute(db)
      return Number(rows[0]?.n)
    }
    const changed: number[] = []
    let before = many + 1
    let looked = 0
    const adapter = place.metadata()
    const blobs = place.store({
      metadata: meddleMetadata(adapter, (inner) => ({
        async releasePurged(did, of, options) {
          const more = await inner.releasePurged(did, of, options)
          if (did !== alice || looked++ % 40 !== 0) return more // counting takes longer than the step
          const left = await remaining('blobstore_ref')
          changed.push(before - left)
          before = left
          return more
        },
      })),
    })
    const ref = await blobs.upload(alice, bad)
    for (const did of [alice, bob]) await post(blobs, did, 'own', ref).catch(() => {})
    await blobs.upload(bob, bad)
    await name(db, alice)
    // As autovacuum does a minute after so many rows have come.
    if (dialect === 'postgres') await sql`analyze blobstore_ref`.execute(db)
    let written = 0
    const purging = blobs.purge('*', cid)
    let isOver = false
    void purging.finally(() => {
      isOver = true
    })
    while (!isOver) {
      await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, `n${written}`), record: {} }], {
        rev: nextRev(),
      })
      written += 1
    }
    expect(await purging).toMatchObject({ remainingKeys: 0, goneAt: expect.any(Date) })
    expect(changed.length).toBeGreaterThan(9)
    expect(Math.max(...changed), 'of 40 transactions').toBeLessThanOrEqual(40 * 250)
    expect(written, 'the account writes meanwhile').toBeGreaterThan(10)
    expect([await remaining('blobstore_ref'), await remaining('blobstore_expected')]).toEqual([0, many + 1])
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect((await place.backend().list()).keys).toEqual([])
  },
)
