import { once } from 'node:events'
import { createReadStream, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { storeAt } from '../../src/cli/place.ts'
import {
  type BackendObject,
  type BlobStat,
  type BlobStore,
  type BlobStoreOptions,
  cidOfBytes,
  createBlobStore,
  isBlobStoreError,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { silent } from '../../src/logger.ts'
import { Reading } from '../../src/store/read/reading.ts'
import { VerifiedChunks } from '../../src/store/read/verified-chunks.ts'
import { until } from '../http/servers.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { meddle, meddleMetadata } from '../support/meddling.ts'
import { OpenBodies } from '../support/open-bodies.ts'
import { temporaryFolder } from '../support/places.ts'
import { hasPostgres, PostgresSchema } from '../support/postgres.ts'
import { alice, bytes, chunks, post } from '../support/samples.ts'

// What was opened before something else failed must be closed. Each test fails when it is not.

const noIdle = { idle: 3_600_000 } // otherwise the rest would be closed by the timeout

function storeOn(options: Partial<BlobStoreOptions>): BlobStore {
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
    times: noIdle,
    ...options,
  })
  onTestFinished(() => blobs.close().catch(() => {}))
  return blobs
}

/** A store with one public blob, of 500 kB, that records which of its bodies are open. */
async function filled(change?: (body: BackendObject['body']) => BackendObject['body']) {
  const bodies = new OpenBodies(new MemoryBackend(), change)
  const blobs = storeOn({ backend: bodies.backend })
  const data = await buffer(chunks(5, 100_000))
  const ref = await blobs.upload(alice, data)
  await post(blobs, alice, 'one', ref)
  return { bodies, blobs, data, cid: ref.ref.toString() }
}

describe('a reading', () => {
  const stat = (size: number): BlobStat => ({
    cid: cidOfBytes(bytes('x')),
    mimeType: 'text/plain',
    size,
    createdAt: new Date(),
    referenced: true,
    takenDown: false,
  })

  /** A chunk that cannot be copied. */
  function uncopyable(): Uint8Array {
    const chunk = new Uint8Array(10)
    structuredClone(chunk, { transfer: [chunk.buffer] })
    return chunk
  }

  async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    yield chunk
    yield chunk
  }

  const watched = (body: AsyncGenerator<Uint8Array>) => {
    const bodies = new OpenBodies(new MemoryBackend())
    return { bodies, body: bodies.watch(body) }
  }

  test('is closed if there is no memory for all its bytes', async () => {
    const { bodies, body } = watched(one(bytes('x')))
    await expect(new Reading(stat(2 ** 50), undefined, { body }, 60_000).bytes()).rejects.toThrow(RangeError)
    expect(bodies.count).toBe(0)
  })

  test('is closed if there is no memory for a chunk of its stream', async () => {
    const { bodies, body } = watched(one(uncopyable()))
    const reader = new Reading(stat(20), undefined, { body }, 60_000).body.getReader()
    await expect(reader.read()).rejects.toThrow(TypeError)
    expect(bodies.count).toBe(0)
  })

  test('is closed if there is no memory for the chunk that is held back until it is verified', async () => {
    const { bodies, body } = watched(one(uncopyable()))
    const about = { did: alice, cid: cidOfBytes(bytes('x')), backend: 'memory' }
    await expect(new VerifiedChunks(body, about, async () => {}).next()).rejects.toThrow(TypeError)
    expect(bodies.count).toBe(0)
  })

  test('of a body that ends early, or continues, fails, and never returns old content of the memory', async () => {
    async function* short(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        yield chunk
        return
      }
    }
    async function* long(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      yield* body
      yield bytes('more')
      yield bytes('and more')
    }
    for (const [change, gave] of [
      [short, 'returned 262144 bytes'],
      [long, 'returned more bytes'],
    ] as const) {
      const { blobs, bodies, cid } = await filled(change)
      const reading = await blobs.read(alice, cid)
      const failed = await reading.bytes().catch((error: unknown) => error)
      expect(isBlobStoreError(failed, 'StorageFailed') && failed.message).toContain(gave)
      expect(bodies.count).toBe(0)
    }
  })
})

describe('a store that cannot open', () => {
  /** Backends of these names that record what was called. */
  function told(...names: string[]) {
    const calls: string[] = []
    const all = Object.fromEntries(
      names.map((name) => {
        const inner = new MemoryBackend({ name })
        const tell = (call: 'open' | 'close') => async () => {
          calls.push(`${call} ${name}`)
          await inner[call]()
        }
        return [name, meddle(inner, { open: tell('open'), close: tell('close') })]
      }),
    )
    return { calls, all, write: names[0] ?? '' }
  }

  test('closes its backends when its database cannot be opened, and opens them again', async () => {
    const { calls, ...backend } = told('a', 'b')
    const metadata = sqliteMetadata(':memory:')
    let fails = true
    const open = async () => {
      if (fails) throw new Error('no database')
      return metadata.open()
    }
    const blobs = storeOn({ backend, metadata: { open } })
    await expect(blobs.ready()).rejects.toThrow('no database')
    expect(calls).toEqual(['open a', 'open b', 'close a', 'close b'])
    fails = false
    await blobs.upload(alice, bytes('one'))
    await blobs.close()
    expect(calls.slice(4)).toEqual(['open a', 'open b', 'close a', 'close b'])
  })

  test('leaves neither database nor backend open if the two do not belong together', async () => {
    const place = new FolderPlace()
    await place.store().upload(alice, bytes('one'))
    const other = join(place.folder, 'other.sqlite')
    const inner = place.backend()
    const close = vi.fn(() => inner.close())
    const disk = meddle(inner, { close })
    const blobs = place.store({ backend: disk, metadata: sqliteMetadata(other) })
    await expect(blobs.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect(close).toHaveBeenCalledOnce()
    expect(openFiles(other)).toEqual([])
  })

  test('is no longer among its processes', async () => {
    const left: string[] = []
    const inner = new MemoryBackend()
    let entered = false
    // Fails when a process stays entered whose marker could not be renewed.
    const readMarker = async () => {
      if (entered) throw new Error('the backend failed')
      return inner.readMarker()
    }
    const metadata = meddleMetadata(sqliteMetadata(join(temporaryFolder(), 'blobs.sqlite')), (rows) => ({
      enter: async (note) => {
        const times = await rows.enter(note)
        entered = true
        return times
      },
      leave: (id) => {
        left.push(id)
        return rows.leave(id)
      },
    }))
    await expect(storeOn({ backend: meddle(inner, { readMarker }), metadata }).ready()).rejects.toThrow('failed')
    expect(left).toHaveLength(1)
  })

  // The test's server runs without fsync, which is refused.
  test.runIf(hasPostgres)('closes the PostgreSQL connections that the command line opened for it', async () => {
    const schema = new PostgresSchema()
    onTestFinished(() => schema.drop())
    await schema.make()
    const url = new URL(schema.config().connectionString ?? '')
    url.searchParams.set('application_name', `${schema.name}_cli`)
    const disk = join(temporaryFolder(), 'blobs')
    const blobs = await storeAt({ disk, postgres: url.href, create: true }, silent, {})
    await expect(blobs.ready()).rejects.toMatchObject({ code: 'MetadataUnsafe' })
    const db = schema.open()
    await until(async () => {
      const { rows } =
        await sql`select pid from pg_stat_activity where application_name = ${`${schema.name}_cli`}`.execute(db)
      return rows.length === 0
    }, 'no connection is left')
  })
})

describe('a store that is closed', () => {
  const failing = async () => {
    throw new Error('it does not close')
  }

  test('closes every backend, even if one fails', async () => {
    const [a, b] = [new MemoryBackend({ name: 'a' }), new MemoryBackend({ name: 'b' })]
    const close = vi.fn(() => b.close())
    const blobs = storeOn({
      backend: { write: 'a', all: { a: meddle(a, { close: failing }), b: meddle(b, { close }) } },
    })
    await blobs.ready()
    await expect(blobs.close()).rejects.toThrow('it does not close')
    expect(close).toHaveBeenCalledOnce()
  })

  test('closes its backends if its database fails to close', async () => {
    const inner = new MemoryBackend()
    const close = vi.fn(() => inner.close())
    const metadata = meddleMetadata(sqliteMetadata(':memory:'), () => ({ close: failing }))
    const blobs = storeOn({ backend: meddle(inner, { close }), metadata })
    await blobs.ready()
    await expect(blobs.close()).rejects.toThrow('it does not close')
    expect(close).toHaveBeenCalledOnce()
  })
})

describe('a stream whose upload was refused before it was read', () => {
  const refusing = (idle: number) => storeOn({ limits: { maxBlobSize: 3 }, times: { idle } })
  const file = () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, Buffer.alloc(200_000))
    return path
  }

  test('is closed after the time in which it could be passed again', async () => {
    const blobs = refusing(200)
    const cancel = vi.fn()
    const [path, web] = [file(), new ReadableStream<Uint8Array>({ cancel }, { highWaterMark: 0 })]
    const node = createReadStream(path)
    for (const body of [node, web]) {
      await expect(blobs.upload(alice, body, { size: 15 })).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    }
    expect([node.destroyed, cancel.mock.calls.length]).toEqual([false, 0])
    await until(() => node.destroyed && cancel.mock.calls.length === 1, 'both are closed')
    await until(() => openFiles(path).length === 0, 'the file is closed')
  })

  test('is left to a caller that has begun to read it', async () => {
    const blobs = refusing(300)
    const refused = { code: 'PayloadTooLarge' }
    const node = createReadStream(file())
    await expect(blobs.upload(alice, node, { size: 15 })).rejects.toMatchObject(refused)
    let read = 0
    for await (const chunk of node) {
      await sleep(400)
      read += chunk.length
    }
    expect(read).toBe(200_000)

    const web = new Blob(['more than three']).stream()
    await expect(blobs.upload(alice, web, { size: 15 })).rejects.toMatchObject(refused)
    const reader = web.getReader()
    await sleep(400)
    expect((await reader.read()).value).toHaveLength(15)
  })

  test('is closed when the store is', async () => {
    const blobs = storeOn({ times: { idle: 1 } })
    await blobs.close()
    const node = createReadStream(file())
    await expect(blobs.upload(alice, node)).rejects.toMatchObject({ code: 'StoreClosed' })
    await once(node, 'close')
  })

  // Fails with an unhandled error.
  test('ends no process when it fails meanwhile, and neither does one that fails before it is read', async () => {
    const missing = () => createReadStream(join(temporaryFolder(), 'no file'))
    const refused = missing()
    await expect(refusing(10).upload(alice, refused, { size: 15 })).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    await until(() => refused.errored !== null, 'it has failed')
    const blobs = storeOn({})
    await expect(blobs.upload(alice, missing(), { size: 2_000_000 })).rejects.toMatchObject({
      code: 'UploadInterrupted',
    })
  })
})

/** The open files of this process whose paths begin so. */
function openFiles(path: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(path) ? [target] : []
    } catch {
      return []
    }
  })
}
