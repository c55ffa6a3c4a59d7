import Database from 'better-sqlite3'
import { type Insertable, Kysely, type LogEvent, SqliteDialect } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { runStep } from '../../src/metadata/kysely-driver.ts'
import type { Tables } from '../../src/metadata/schema/tables.ts'
import { statement } from '../../src/metadata/statement.ts'

function connection() {
  const said: string[] = []
  const database = new Database(':memory:')
  database.exec('create table blobstore_takedown (cid text, did text, ref text, created_at integer)')
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }: LogEvent) => void said.push(query.sql),
  })
  onTestFinished(() => db.destroy())
  return { db, said }
}

let built = 0
const insert = statement((db, { rows }: { rows: Insertable<Tables['blobstore_takedown']>[] }) => {
  built += 1
  return db.insertInto('blobstore_takedown').values(rows)
})
const find = statement((db, { cids, ref }: { cids: string[]; ref: string }) => {
  built += 1
  return db.selectFrom('blobstore_takedown').select(['cid', 'did']).where('cid', 'in', cids).where('ref', '=', ref)
})

const rowOf = (n: number, ref: string | null = 'a') => ({ cid: `c${n}`, did: `d${n}`, ref, created_at: n })

test('a statement is built once for each length of its lists, and used with other values each time', async () => {
  const { db } = connection()
  built = 0
  for (let n = 0; n < 10; n++) await runStep(db, insert(db, { rows: [rowOf(n)] }))
  await runStep(db, insert(db, { rows: [rowOf(10), rowOf(11, null)] }))
  await runStep(db, insert(db, { rows: [rowOf(12, 'b'), rowOf(13)] }))
  expect(built).toBe(2)
  for (let n = 0; n < 10; n++) {
    expect((await runStep(db, find(db, { cids: [`c${n}`], ref: 'a' }))).rows).toEqual([{ cid: `c${n}`, did: `d${n}` }])
  }
  expect((await runStep(db, find(db, { cids: ['c11'], ref: 'a' }))).rows).toEqual([])
  expect(
    (await runStep(db, find(db, { cids: ['c13', 'c1', 'c12'], ref: 'a' }))).rows.map((row) => row.cid).sort(),
  ).toEqual(['c1', 'c13'])
  expect(built).toBe(4)
})

test('a statement with a long list is built each time, with the same result', async () => {
  const { db } = connection()
  const rows = Array.from({ length: 100 }, (_, n) => rowOf(n))
  built = 0
  await runStep(db, insert(db, { rows }))
  await runStep(db, insert(db, { rows }))
  expect(built).toBe(2)
  const cids = rows.slice(0, 50).map((row) => row.cid)
  expect((await runStep(db, find(db, { cids, ref: 'a' }))).rows).toHaveLength(100)
})

test('each database has its own statements', async () => {
  const [one, other] = [connection(), connection()]
  built = 0
  await runStep(one.db, insert(one.db, { rows: [rowOf(1)] }))
  await runStep(other.db, insert(other.db, { rows: [rowOf(2)] }))
  await one.db.transaction().execute((trx) => runStep(trx, insert(trx, { rows: [rowOf(3)] })))
  expect(built).toBe(2)
  expect((await runStep(one.db, find(one.db, { cids: ['c2'], ref: 'a' }))).rows).toEqual([])
})
