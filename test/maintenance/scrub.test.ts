import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createBlobStore,
  DiskBackend,
  kyselyMetadata,
  MemoryBackend,
  type ScrubFinding,
  sqliteMetadata,
} from '../../src/index.ts'
import { Clock, temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, post, text } from '../support/samples.ts'

/** A store whose files and rows may be changed behind its back. */
function openStore() {
  const folder = temporaryFolder()
  const clock = new Clock()
  const sqlite = join(folder, 'blobs.sqlite')
  const open = () =>
    createBlobStore({
      backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
      metadata: sqliteMetadata(sqlite, { durability: 'relaxed', now: clock.now }),
      limits: { accept: ['*/*'] },
    })
  const fileOf = (cid: string): string => {
    const files = readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
    const file = files.find((entry) => entry.isFile() && entry.name.startsWith(cid))
    if (!file) throw new Error(`no file of ${cid}`)
    return join(file.parentPath, file.name)
  }
  const flipBit = (cid: string, at = 0) => {
    const stored = readFileSync(fileOf(cid))
    stored.writeUInt8(stored.readUInt8(at) ^ 1, at)
    writeFileSync(fileOf(cid), stored)
  }
  const files = () =>
    readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  return { blobs: open(), open, clock, fileOf, flipBit, files, sqlite }
}

const all = { olderThan: 0 }

describe('scrub', () => {
  test('finds missing, truncated and damaged bytes, and nothing else', async () => {
    const { blobs, fileOf, flipBit } = openStore()
    const cids: string[] = []
    for (let index = 0; index < 20; index++) {
      const ref = await blobs.upload(index % 2 ? alice : bob, bytes(`blob ${index}`))
      cids.push(ref.ref.toString())
    }
    const [missing = '', short = '', rotten = ''] = cids
    rmSync(fileOf(missing))
    truncateSync(fileOf(short), 3)
    flipBit(rotten)
    const told: ScrubFinding[] = []
    const report = await blobs.scrub({ ...all, onFinding: (finding) => told.push(finding) })
    expect(report).toMatchObject({ objects: 20, recounted: [] })
    expect(report.cursor).toBeUndefined()
    const problems = Object.fromEntries(report.findings.map(({ cid, problem }) => [cid, problem]))
    expect(problems).toEqual({ [missing]: 'missing', [short]: 'wrongSize', [rotten]: 'wrongHash' })
    expect(told).toEqual(report.findings)
    await blobs.close()
  })

  test('finds each of 100 flipped bits, and raises no false alarm', async () => {
    const { blobs, flipBit } = openStore()
    const cids: string[] = []
    for (let index = 0; index < 150; index++) {
      const ref = await blobs.upload(alice, new Uint8Array(100).fill(index))
      cids.push(ref.ref.toString())
    }
    const rotten = cids.slice(0, 100)
    for (const [index, cid] of rotten.entries()) flipBit(cid, index)
    const { findings } = await blobs.scrub(all)
    expect(findings.map(({ cid }) => cid).sort()).toEqual([...rotten].sort())
    await blobs.close()
  })

  test('lets the next upload repair the blob, and keeps the damaged bytes for the delete delay', async () => {
    const { blobs, clock, flipBit, files } = openStore()
    const ref = await blobs.upload(alice, bytes('precious'))
    await post(blobs, alice, 'a', ref)
    flipBit(ref.ref.toString())
    await blobs.scrub(all)
    await blobs.upload(bob, bytes('precious'))
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('precious')
    await blobs.collect()
    expect(files()).toHaveLength(2)
    clock.advance(2 * day)
    await blobs.collect()
    expect(files()).toHaveLength(1)
    expect((await blobs.scrub(all)).findings).toEqual([])
    await blobs.close()
  })

  test('repairs from a healthy copy, and only from a healthy one', async () => {
    const { blobs, clock, fileOf, files } = openStore()
    const ref = await blobs.upload(alice, bytes('precious'))
    const cid = ref.ref.toString()
    await post(blobs, alice, 'a', ref)
    rmSync(fileOf(cid))
    const bad = await blobs.scrub({ ...all, copyOf: async () => bytes('precioux') })
    expect(bad.findings).toMatchObject([{ cid, problem: 'missing', repaired: false }])
    const long = await blobs.scrub({ ...all, copyOf: async () => bytes('precious and more') })
    expect(long.findings).toMatchObject([{ repaired: false }])
    const good = await blobs.scrub({ ...all, copyOf: async (asked) => (asked === cid ? bytes('precious') : undefined) })
    expect(good.findings).toMatchObject([{ cid, repaired: true }])
    expect(await text((await blobs.read(alice, cid)).body)).toBe('precious')
    clock.advance(2 * day)
    await blobs.collect()
    expect(files()).toHaveLength(1)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 8, count: 1, reserved: 0, pending: 0 })
    await blobs.close()
  })

  test('continues where it was stopped, and skips what was verified recently', async () => {
    const { blobs, clock, open } = openStore()
    for (let index = 0; index < 10; index++) await blobs.upload(alice, bytes(`blob ${index}`))
    const first = await blobs.scrub({ ...all, limit: 4 })
    expect(first).toMatchObject({ objects: 4, cursor: expect.any(String) })
    await blobs.close()
    const again = open()
    const rest = await again.scrub({ ...all, cursor: first.cursor })
    expect(rest).toMatchObject({ objects: 6 })
    clock.advance(29 * day)
    expect(await again.scrub()).toMatchObject({ objects: 0 })
    clock.advance(day)
    expect(await again.scrub()).toMatchObject({ objects: 10 })
    await again.close()
  })

  test('reads no faster than its rate', async () => {
    const { blobs } = openStore()
    for (let index = 0; index < 4; index++) await blobs.upload(alice, new Uint8Array(1000).fill(index))
    const started = performance.now()
    await blobs.scrub({ ...all, bytesPerSecond: 20_000 })
    expect(performance.now() - started).toBeGreaterThan(190)
    await blobs.close()
  })

  test('corrects the counters of an account', async () => {
    const { blobs, sqlite } = openStore()
    await blobs.upload(alice, bytes('five!'))
    await blobs.upload(bob, bytes('five!'))
    const database = new Database(sqlite)
    database.prepare('UPDATE blobstore_account SET bytes = 99, pending = 7 WHERE did = ?').run(alice)
    database.close()
    const { recounted } = await blobs.scrub()
    expect(recounted).toEqual([
      {
        did: alice,
        said: { bytes: 99, count: 1, reserved: 0, pending: 7 },
        counted: { bytes: 5, count: 1, reserved: 0, pending: 0 },
      },
    ])
    expect(await blobs.usage(alice)).toEqual({ bytes: 5, count: 1, reserved: 0, pending: 0 })
    expect(await blobs.stats()).toEqual({
      ...{ accounts: 2, bytes: 10, count: 2, reserved: 0, pending: 0 },
      ...{ storedBytes: 5, storedCount: 1, doomedCount: 1, quarantinedCount: 0 },
    })
    await blobs.close()
  })

  // Fails when each account is locked while it is counted: with a million blobs nobody else could write for seconds.
  test('locks no account whose counters are right', async () => {
    const statements: string[] = []
    const database = new Database(':memory:')
    const log = ({ query }: { query: { sql: string } }) => void statements.push(query.sql)
    const db = new Kysely<never>({ dialect: new SqliteDialect({ database }), log })
    const metadata = kyselyMetadata(db, { durability: 'relaxed' })
    const blobs = createBlobStore({
      backend: new MemoryBackend(),
      metadata,
      limits: { accept: ['*/*'] },
      janitor: false,
    })
    onTestFinished(() => blobs.close().then(() => db.destroy()))
    await blobs.upload(alice, bytes('five!'))
    statements.length = 0
    expect(await blobs.scrub({ olderThan: day })).toMatchObject({ objects: 0, recounted: [] })
    expect(statements.filter((sql) => sql.includes('blobstore_account')).length).toBeGreaterThan(0)
    expect(statements.filter((sql) => /^(begin|insert|update)/i.test(sql))).toEqual([])
  })

  test('stops at an abort', async () => {
    const { blobs } = openStore()
    for (let index = 0; index < 5; index++) await blobs.upload(alice, bytes(`blob ${index}`))
    const controller = new AbortController()
    const scrub = blobs.scrub({ ...all, signal: controller.signal, onProgress: () => controller.abort() })
    await expect(scrub).rejects.toMatchObject({ name: 'AbortError' })
    await blobs.close()
  })
})
