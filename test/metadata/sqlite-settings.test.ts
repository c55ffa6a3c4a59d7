import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BlobStore,
  createBlobStore,
  type HostDatabase,
  type KyselyMetadataOptions,
  kyselyMetadata,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes } from '../support/samples.ts'

const linesFor = (synchronous: string) =>
  `  PRAGMA journal_mode = WAL;\n  PRAGMA synchronous = ${synchronous};\n  PRAGMA foreign_keys = ON;\n`
const allLines = linesFor('FULL')

/** A host's connection; every later one to a WAL file has the defaults of the SQLite build. */
function host(settings: { foreignKeys: 'ON' | 'OFF'; synchronous: 'OFF' | 'NORMAL' | 'FULL' | 'EXTRA' }) {
  const database = new Database(join(temporaryFolder(), 'pds.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma(`synchronous = ${settings.synchronous}`)
  database.pragma(`foreign_keys = ${settings.foreignKeys}`)
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  onTestFinished(() => db.destroy())
  return { db, database }
}

function storeOn(db: HostDatabase, options?: KyselyMetadataOptions): BlobStore {
  const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: kyselyMetadata(db, options) })
  onTestFinished(() => blobs.close())
  return blobs
}

describe('the host’s connection', () => {
  test('is accepted when it is durable and enforces foreign keys', async () => {
    for (const synchronous of ['FULL', 'EXTRA'] as const) {
      await storeOn(host({ foreignKeys: 'ON', synchronous }).db).ready()
    }
  })

  test('is refused when a power cut may lose what it acknowledged, with all lines to set', async () => {
    for (const synchronous of ['NORMAL', 'OFF'] as const) {
      const error = await failureOf(storeOn(host({ foreignKeys: 'ON', synchronous }).db))
      expect(error).toMatchObject({ code: 'MetadataUnsafe' })
      expect(error.message).toContain(allLines)
      expect(error.message).toMatch(/could be lost: synchronous is [01]\. Run/)
    }
  })

  test('is refused when it does not enforce foreign keys, with all lines to set', async () => {
    for (const durability of ['full', 'relaxed'] as const) {
      const error = await failureOf(storeOn(host({ foreignKeys: 'OFF', synchronous: 'FULL' }).db, { durability }))
      expect(error).toMatchObject({ code: 'MetadataUnsafe' })
      expect(error.message).toContain(linesFor(durability === 'full' ? 'FULL' : 'NORMAL'))
      expect(error.message).toContain('could be lost: foreign_keys is 0. Run')
    }
  })

  test('gets all problems in one error', async () => {
    const error = await failureOf(storeOn(host({ foreignKeys: 'OFF', synchronous: 'NORMAL' }).db))
    expect(error).toMatchObject({ code: 'MetadataUnsafe' })
    expect(error.message).toContain(allLines)
    expect(error.message).toContain('foreign_keys is 0, synchronous is 1. Run')
  })

  // MEMORY is what a database in memory has too, where it is fine.
  test.each(['DELETE', 'MEMORY'])('is refused with the journal %s, unless it may be less durable', async (mode) => {
    const { db, database } = host({ foreignKeys: 'ON', synchronous: 'FULL' })
    database.pragma(`journal_mode = ${mode}`)
    const error = await failureOf(storeOn(db))
    expect(error).toMatchObject({ code: 'MetadataUnsafe' })
    expect(error.message).toContain(allLines)
    expect(error.message).toContain(`could be lost: journal_mode is ${mode.toLowerCase()}. Run`)
    await storeOn(db, { durability: 'relaxed' }).ready()
  })

  test('may be less durable where the host says so', async () => {
    const blobs = storeOn(host({ foreignKeys: 'ON', synchronous: 'NORMAL' }).db, { durability: 'relaxed' })
    await blobs.ready()
    await blobs.upload(alice, bytes('x'), { mimeType: 'image/png' }).catch(() => {})
  })

  test('is only read, never changed', async () => {
    const { db, database } = host({ foreignKeys: 'ON', synchronous: 'EXTRA' })
    await storeOn(db).ready()
    expect(database.pragma('synchronous', { simple: true })).toBe(3)
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1)
    const wrong = host({ foreignKeys: 'OFF', synchronous: 'NORMAL' })
    await failureOf(storeOn(wrong.db))
    expect(wrong.database.pragma('synchronous', { simple: true })).toBe(1)
    expect(wrong.database.pragma('foreign_keys', { simple: true })).toBe(0)
    const tables = wrong.database.prepare('SELECT name FROM sqlite_schema').all()
    expect(tables, 'nothing was created').toEqual([])
  })

  test('is checked again after it was corrected', async () => {
    const { db, database } = host({ foreignKeys: 'OFF', synchronous: 'NORMAL' })
    const blobs = storeOn(db)
    await failureOf(blobs)
    database.pragma('foreign_keys = ON')
    await failureOf(blobs)
    database.pragma('synchronous = FULL')
    await blobs.ready()
    expect(await blobs.usage(alice)).toMatchObject({ count: 0 })
  })
})

test('running the lines of the message on a fresh connection is enough', async () => {
  const database = new Database(join(temporaryFolder(), 'pds.sqlite'))
  database.pragma('foreign_keys = OFF')
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  onTestFinished(() => db.destroy())
  const blobs = storeOn(db)
  const { message } = await failureOf(blobs)
  const lines = message.match(/PRAGMA \w+ = \w+;/g) ?? []
  database.exec(lines.join('\n'))
  await blobs.ready()
})

describe("a file of the store's own", () => {
  test('keeps its log beside it, in folders that the store creates', async () => {
    const file = join(temporaryFolder(), 'deep', 'down', 'blobs.sqlite')
    const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(file) })
    await blobs.ready()
    const second = new Database(file)
    expect(second.pragma('journal_mode', { simple: true })).toBe('wal')
    second.close()
    await blobs.close()
  })

  test('must have a name, and known options', () => {
    for (const file of ['', undefined, 7, {}]) {
      const make = () => sqliteMetadata(file as never)
      expect(make, String(file)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
    for (const options of [{ synchronous: 'OFF' }, null]) {
      const make = () => sqliteMetadata(':memory:', options as never)
      expect(make).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
    for (const options of [{ durability: 'none' }, { migrate: 'never' }, { now: 5 }]) {
      const make = () => sqliteMetadata(':memory:', options as never)
      expect(make, JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
  })
})

async function failureOf(blobs: BlobStore): Promise<Error> {
  return blobs.ready().then(
    () => expect.unreachable('it was ready'),
    (error) => error,
  )
}
