import { runInNewContext } from 'node:vm'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { describe, expect, test } from 'vitest'
import { errnoOf } from '../../src/backend/files/system-calls.ts'
import { remoteError } from '../../src/backend/remote/errors.ts'
import { classifyS3Error } from '../../src/backend/s3/errors.ts'
import { createBlobStore, findBlobRefs, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { withRetry } from '../../src/metadata/with-retry.ts'
import { isBlob, isError } from '../../src/shapes.ts'
import { memoryPlace } from '../support/places.ts'
import { alice, bytes, text } from '../support/samples.ts'

// As in Jest and vitest's `vmThreads`: the host's values are of another realm. Fails with `instanceof`.
const foreign = <T>(code: string): T => runInNewContext(code)

describe('values of another realm', () => {
  test('are uploaded: bytes, chunks, and a date', async () => {
    const blobs = memoryPlace().store()
    const whole = foreign<Uint8Array>('new Uint8Array([104, 105])')
    expect(whole instanceof Uint8Array, 'it is foreign').toBe(false)
    const createdAt = foreign<Date>('new Date(1000)')
    const { ref } = await blobs.upload(alice, whole, { createdAt })
    expect(await text((await blobs.read(alice, ref, { as: 'account' })).chunks)).toBe('hi')
    expect((await blobs.stat(alice, ref, { as: 'account' }))?.createdAt.getTime()).toBe(1000)
    const chunks = foreign<AsyncIterable<Uint8Array>>('(async function* () { yield new Uint8Array([1, 2, 3]) })()')
    expect((await blobs.upload(alice, chunks)).size).toBe(3)
    const { stream, arrayBuffer, size } = { stream: () => new Blob(['abcd']).stream(), arrayBuffer: () => 0, size: 4 }
    expect((await blobs.upload(alice, { stream, arrayBuffer, size } as never)).size).toBe(4)
  })

  test('are searched for references: a record in its bytes', () => {
    const block = foreign<Uint8Array>('new Uint8Array([0xa0])')
    expect(findBlobRefs(block)).toEqual([])
  })

  test('are recognized as errors of the file system and of the network', () => {
    const failure = foreign<Error>("Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })")
    expect(errnoOf(failure)).toBe('ENOSPC')
    const refused = foreign<Error>("Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' })")
    const told = remoteError(refused, { verb: 'list', backend: 's3' }, classifyS3Error)
    expect(told).toMatchObject({ transient: true, message: expect.stringContaining('cannot be reached') })
  })

  test('are retried, and reported as what they are, if they are errors of the database', async () => {
    const busy = foreign<Error>("Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })")
    let left = 2
    expect(await withRetry(async () => (left-- > 0 ? Promise.reject(busy) : 'done'))).toBe('done')
    const full = foreign<Error>("Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })")
    await expect(withRetry(() => Promise.reject(full))).rejects.toMatchObject({ code: 'StorageFull', cause: full })
  })

  // better-sqlite3 keeps the class of its errors from the realm that was the first to load it: in Jest, the first test file.
  test('are no obstacle when a store opens on SQLite', async () => {
    const database = new Database(':memory:')
    database.pragma('foreign_keys = ON')
    const prepare = database.prepare.bind(database)
    database.prepare = ((source: string) => {
      try {
        return prepare(source)
      } catch (error) {
        const { message, code } = error as Error & { code: string }
        throw foreign(`Object.assign(new Error(${JSON.stringify(message)}), { code: '${code}' })`)
      }
    }) as typeof prepare
    const db = new Kysely<object>({ dialect: new SqliteDialect({ database }) })
    const blobs = createBlobStore({ backend: new MemoryBackend(), metadata: kyselyMetadata(db) })
    await blobs.ready()
    await blobs.close()
    await db.destroy()
  })

  test('are recognized by their properties, and nothing else is taken for one', () => {
    expect(isError(new DOMException('ended', 'AbortError'))).toBe(true)
    for (const other of [null, undefined, 'Error', { message: 'a' }, () => {}]) expect(isError(other)).toBe(false)
    for (const other of [null, bytes('a'), { size: 1 }, new Blob(['a']).stream()]) expect(isBlob(other)).toBe(false)
  })
})
