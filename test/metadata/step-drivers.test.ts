import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import { KyselyDriver } from '../../src/metadata/kysely-driver.ts'
import type { Tables } from '../../src/metadata/schema/tables.ts'
import { FileDriver } from '../../src/metadata/sqlite/file-driver.ts'
import { changedRows, execute, firstRow, type NewStep, pause, rowsOf } from '../../src/metadata/step.ts'
import { WriteGroup } from '../../src/metadata/write-group.ts'

// How steps run: on the store's own file, and through Kysely. Fails when a step that failed is committed, when what reads sees
// the half of a transaction, and when a step does not hear of its statement's error.

function connect() {
  const database = new Database(':memory:')
  database.exec('create table blobstore_backend (name text primary key)')
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
  onTestFinished(() => db.destroy())
  return { database, db }
}

function ownFile() {
  const { database, db } = connect()
  let commits = 0
  const around = { before: async () => {}, committed: () => void commits++ }
  return { database, driver: new FileDriver(database, db, around), commits: () => commits }
}

function throughKysely() {
  const { database, db } = connect()
  let commits = 0
  const around = { before: async () => {}, committed: () => void commits++ }
  return { database, driver: new KyselyDriver(db, { dialect: 'sqlite', around }), commits: () => commits }
}

const add =
  (...names: string[]): NewStep<void> =>
  (db) =>
    adding(db, names)

function* adding(db: Kysely<Tables>, names: readonly string[]) {
  for (const name of names) yield* execute(db.insertInto('blobstore_backend').values({ name }))
}

const names: NewStep<string[]> = function* (db) {
  const rows = yield* rowsOf(db.selectFrom('blobstore_backend').select('name').orderBy('name'))
  return rows.map((row) => row.name)
}

describe.each([
  { name: 'the store’s own file', make: ownFile },
  { name: 'a connection of the host’s', make: throughKysely },
])('on $name', ({ make }) => {
  test('a step returns what its statements tell', async () => {
    const { driver } = make()
    await driver.transact(add('a', 'b', 'c'))
    const told = await driver.transact(function* (db) {
      const changed = yield* changedRows(db.deleteFrom('blobstore_backend').where('name', '>', 'a'))
      const first = yield* firstRow(db.selectFrom('blobstore_backend').selectAll())
      const none = yield* firstRow(db.selectFrom('blobstore_backend').selectAll().where('name', '=', 'b'))
      return { changed, first, none }
    })
    expect(told).toEqual({ changed: 2, first: { name: 'a' }, none: undefined })
    expect(await driver.read(names)).toEqual(['a'])
  })

  test('nothing of a step that throws midway stays, and the next one runs', async () => {
    const { driver, commits } = make()
    const failing = driver.transact(function* (db) {
      yield* add('a')(db)
      throw new Error('midway')
    })
    await expect(failing).rejects.toThrow('midway')
    expect(await driver.read(names)).toEqual([])
    await driver.transact(add('b'))
    expect(await driver.read(names)).toEqual(['b'])
    expect(commits()).toBe(1)
  })

  test('nothing stays where a statement fails, and the error is the driver’s', async () => {
    const { driver } = make()
    await expect(driver.transact(add('a', 'a'))).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
    expect(await driver.read(names)).toEqual([])
  })

  test('nothing stays where the database rolls back by itself, as on a full disk, and the next one runs', async () => {
    const { driver, database } = make()
    const pages = database.pragma('page_count', { simple: true })
    database.pragma(`max_page_count = ${pages}`)
    const large = Array.from({ length: 20 }, (_, n) => `${n}${'x'.repeat(1000)}`)
    await expect(driver.transact(add(...large))).rejects.toMatchObject({ code: 'SQLITE_FULL' })
    expect(await driver.read(names)).toEqual([])
    await driver.transact(add('a'))
    expect(await driver.read(names)).toEqual(['a'])
  })

  test('a step hears of an error where its statement stands, and may go on', async () => {
    const { driver } = make()
    await driver.transact(function* (db) {
      yield* add('a')(db)
      try {
        yield* add('a')(db)
      } catch {
        yield* add('b')(db)
      }
    })
    expect(await driver.read(names)).toEqual(['a', 'b'])
  })

  test('what reads beside a transaction runs before it or after it', async () => {
    const { driver, database } = make()
    const writing = driver.transact(add('a', 'b', 'c'))
    const within: boolean[] = []
    for (let n = 0; n < 50; n++) {
      await driver.read(function* (db) {
        within.push(database.inTransaction)
        yield* names(db)
      })
    }
    await writing
    expect(within).not.toContain(true)
    expect(await driver.read(names)).toEqual(['a', 'b', 'c'])
  })

  test('a pause lets the event loop turn, and what reads meanwhile waits for the end', async () => {
    const { driver } = make()
    const begun = Promise.withResolvers<void>()
    let turned = false
    let hasTurned = false
    const writing = driver.transact(function* (db) {
      yield* add('a')(db)
      begun.resolve()
      void setImmediate().then(() => (turned = true))
      for (let pauses = 0; pauses < 3; pauses++) yield* pause()
      hasTurned = turned
      yield* add('b')(db)
    })
    await begun.promise
    expect(await driver.read(names)).toEqual(['a', 'b'])
    await writing
    expect(hasTurned).toBe(true)
  })

  test('what reads during a pause sees nothing of a transaction that fails behind it', async () => {
    const { driver } = make()
    const begun = Promise.withResolvers<void>()
    const failing = driver.transact(function* (db) {
      yield* add('a')(db)
      begun.resolve()
      yield* pause()
      throw new Error('behind it')
    })
    failing.catch(() => {})
    await begun.promise
    expect(await driver.read(names)).toEqual([])
    await expect(failing).rejects.toThrow('behind it')
    await driver.transact(add('b'))
    expect(await driver.read(names)).toEqual(['b'])
  })

  test('one member of a group that fails undoes none of the others, who share a transaction', async () => {
    const { driver, commits } = make()
    const group = new WriteGroup((step) => driver.transact(step))
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'fails', 'c', 'd'].map((name) =>
        group.run(function* (db) {
          yield* add(name)(db)
          if (name === 'fails') throw new Error('one fails')
        }),
      ),
    )
    const failed = outcomes.flatMap(({ status }, at) => (status === 'rejected' ? [at] : []))
    expect(failed).toEqual([2])
    expect(await driver.read(names)).toEqual(['a', 'b', 'c', 'd'])
    expect(commits()).toBe(1)
  })
})
