import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type BlobStore, createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { alice, bob } from '../support/samples.ts'

// Row 20 of the table of attacks: "does anyone have these bytes?", measured by how much the store does. Known and new
// bytes cause the same calls of the backend, with the same sizes, and the same SQL except for one row: new bytes become
// live (an insert into content), known ones are doomed (an insert into doomed). Fails when upload first checks whether
// it has them. Times are measured before a release.

const ways: Record<string, () => Uint8Array | AsyncIterable<Uint8Array>> = {
  'in memory': () => new Uint8Array(5000).fill(7),
  'in a spool, of known size': () => new Uint8Array(2_500_000).fill(7),
  async *'in a spool, of unknown size'() {
    for (let chunk = 0; chunk < 40; chunk++) yield new Uint8Array(65_536).fill(7)
  },
}

/** Records every call, by its name and how much it carries. */
function recorded<T extends object>(target: T, calls: string[]): T {
  for (const name of ['spool', 'put', 'get', 'has', 'delete', 'list', 'write', 'discard']) {
    const method = Reflect.get(target, name)
    if (typeof method !== 'function') continue
    const noted = async (...args: unknown[]) => {
      calls.push(`${name} ${sizesIn(args)}`)
      const result: unknown = await method.apply(target, args)
      return name === 'spool' ? recorded(result as object, calls) : result
    }
    Object.defineProperty(target, name, { value: noted })
  }
  return target
}

function sizesIn([first, second]: unknown[]): string {
  const chunks = Array.isArray(first) ? first.map((one: Uint8Array | string) => one.length) : typeof first
  return JSON.stringify([chunks, (second as { size?: number })?.size ?? null])
}

async function open(calls: string[], statements: string[]): Promise<BlobStore> {
  const database = new Database(':memory:')
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) database.pragma(pragma)
  const db = new Kysely<never>({
    dialect: new SqliteDialect({ database }),
    log: ({ query }) => void statements.push(query.sql),
  })
  const blobs = createBlobStore({
    janitor: false,
    backend: recorded(new MemoryBackend(), calls),
    metadata: kyselyMetadata(db, { durability: 'relaxed' }),
    limits: { accept: ['*/*'] },
  })
  onTestFinished(async () => {
    await blobs.close()
    await db.destroy()
  })
  await blobs.ready()
  return blobs
}

const isTombstone = (statement: string): boolean => statement.startsWith('insert into "blobstore_doomed"')
const isContent = (statement: string): boolean => statement.startsWith('insert into "blobstore_content"')

describe.each(Object.entries(ways))('bytes that came %s', (_name, source) => {
  async function uploaded(bobHasThem: boolean): Promise<{ calls: string[]; statements: string[]; answer: string }> {
    const [calls, statements]: [string[], string[]] = [[], []]
    const blobs = await open(calls, statements)
    await blobs.upload(bob, bobHasThem ? source() : new Uint8Array(10))
    calls.length = 0
    statements.length = 0
    const answer = JSON.stringify(await blobs.upload(alice, source(), { mimeType: 'text/plain' }))
    return { calls: [...calls], statements: [...statements], answer }
  }

  test('cause the same work for the store, whether another account has them or none', async () => {
    const fresh = await uploaded(false)
    const known = await uploaded(true)
    expect(known.answer).toBe(fresh.answer)
    expect(known.calls).toEqual(fresh.calls)
    expect(fresh.calls.length).toBeGreaterThan(0)
    expect(fresh.statements.filter(isContent)).toHaveLength(1)
    expect(known.statements.filter(isTombstone)).toHaveLength(1)
    expect(known.statements.filter((one) => !isTombstone(one))).toEqual(
      fresh.statements.filter((one) => !isContent(one)),
    )
    expect(known.statements.findIndex(isTombstone), 'at the same place').toBe(fresh.statements.findIndex(isContent))
  })
})
