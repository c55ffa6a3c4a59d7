import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type BlobBackend,
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  DiskBackend,
  defaultAccept,
  isBlobStoreError,
  kyselyMetadata,
  type Logger,
  MemoryBackend,
  type StoreOperation,
  sqliteMetadata,
} from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { Gate, heldBack, meddle } from '../support/meddling.ts'
import { hostPlace, places, temporaryFolder } from '../support/places.ts'
import {
  alice,
  bob,
  bytes,
  chunks,
  day,
  friends,
  hour,
  nextRev,
  post,
  text,
  unpost,
  uriOf,
} from '../support/samples.ts'

describe('createBlobStore', () => {
  const needed = () => ({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })

  test('fills in the defaults, which cannot be changed', () => {
    const blobs = createBlobStore(needed())
    expect(blobs.limits).toMatchObject({
      maxBlobSize: 5_242_880,
      accept: defaultAccept,
      mimePolicy: 'sniffed',
      allowEmpty: true,
    })
    expect(blobs.times).toMatchObject({
      grace: day,
      deleteDelay: 2 * day,
      takedownHold: 0,
      upload: hour / 2,
      idle: 30_000,
      lease: hour,
      resumable: day,
      fresh: day,
    })
    const limits = { maxBlobSize: 7, accept: ['image/*'], mimePolicy: 'declared', allowEmpty: false } as const
    const times = {
      grace: 2 * hour,
      deleteDelay: 3,
      takedownHold: 8,
      upload: 4,
      idle: 5,
      inspect: 1,
      lease: 6,
      resumable: 9,
      fresh: 7,
    }
    const configured = createBlobStore({ ...needed(), limits, times })
    expect(configured.limits).toMatchObject(limits)
    expect(configured.times).toEqual(times)
    const mine = ['image/png']
    const copied = createBlobStore({ ...needed(), limits: { accept: mine } })
    mine.push('*/*')
    expect(copied.limits.accept).toEqual(['image/png'])
    expect(() => Object.assign(configured.limits, { maxBlobSize: 1 })).toThrow()
    expect(() => (configured.limits.accept as string[]).push('*/*')).toThrow()
    expect(() => Object.assign(configured.times, { grace: 1 })).toThrow()
    expect(createBlobStore({ ...needed(), limits: undefined, times: { grace: undefined } }).times.grace).toBe(day)
  })

  test('refuses invalid options at once', () => {
    const wrong: unknown[] = [
      undefined,
      null,
      'data',
      {},
      { backend: new MemoryBackend() },
      { metadata: sqliteMetadata(':memory:') },
      { ...needed(), backend: 'data/blobs' },
      { ...needed(), metadata: 'data/blobs.sqlite' },
      { ...needed(), logger: null, maxBlobSize: 5 },
      { ...needed(), limit: {} },
      { ...needed(), hooks: { inspected: () => {} } },
      { ...needed(), limits: [] },
      { ...needed(), limits: { maxBlobsize: 5 } },
      { ...needed(), limits: { maxBlobSize: 0 } },
      { ...needed(), limits: { maxBlobSize: -1 } },
      { ...needed(), limits: { maxBlobSize: 1.5 } },
      { ...needed(), limits: { maxBlobSize: '5' } },
      { ...needed(), limits: { maxBlobSize: Number.POSITIVE_INFINITY } },
      // Counters that add such numbers would drift.
      { ...needed(), limits: { maxBlobSize: 2 ** 40 + 1 } },
      { ...needed(), limits: { accept: 'image/*' } },
      { ...needed(), limits: { accept: ['image'] } },
      { ...needed(), limits: { accept: [1] } },
      { ...needed(), limits: { mimePolicy: 'sniff' } },
      { ...needed(), times: { gracePeriod: day } },
      { ...needed(), times: { grace: -1 } },
      { ...needed(), times: { grace: '24h' } },
      { ...needed(), times: { deleteDelay: Number.NaN } },
      { ...needed(), times: { idle: 0 } },
      { ...needed(), times: { upload: 0 } },
      { ...needed(), times: { upload: hour } },
      { ...needed(), times: { upload: 1000, lease: 1000 } },
      { ...needed(), times: { lease: hour / 2 } },
    ]
    for (const options of wrong) {
      const create = () => createBlobStore(options as BlobStoreOptions)
      expect(create, JSON.stringify(options)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    }
  })

  test('names an unknown option, and the known ones', () => {
    const create = () => createBlobStore({ ...needed(), limits: { maxBlobsize: 5 } as never })
    expect(create).toThrow(/maxBlobsize.*maxBlobSize/)
  })

  test('opens nothing until the first call', async () => {
    const folder = temporaryFolder()
    const [root, database] = [join(folder, 'blobs'), join(folder, 'blobs.sqlite')]
    const make = () =>
      createBlobStore({
        backend: new DiskBackend({ root, durability: 'relaxed' }),
        metadata: sqliteMetadata(database, { durability: 'relaxed' }),
      })
    await make().close()
    expect([existsSync(root), existsSync(database)]).toEqual([false, false])
    const blobs = make()
    await blobs.ready()
    expect([existsSync(root), existsSync(database)]).toEqual([true, true])
    await blobs.close()
  })

  test('warns of missing durability and of a grace period that is too short', async () => {
    const warningsOf = async (options: Partial<BlobStoreOptions>): Promise<string> => {
      const warnings: string[] = []
      const logger: Logger = { info() {}, warn: (_, message) => warnings.push(message), error() {} }
      const blobs = createBlobStore({ ...needed(), logger, ...options })
      await blobs.ready()
      await blobs.close()
      return warnings.join('\n')
    }
    const durable = (): BlobBackend => meddle(new MemoryBackend(), { durable: true })
    expect(await warningsOf({ backend: durable() })).toBe('')
    expect(await warningsOf({ backend: new MemoryBackend() })).not.toBe('')
    expect(await warningsOf({ backend: durable(), times: { grace: hour } })).toBe('')
    expect(await warningsOf({ backend: durable(), times: { grace: hour - 1 } })).toMatch(/grace/)
  })
})

describe.each(places)('a store in $name', ({ make }) => {
  test('refuses unknown options, in every method', async () => {
    const blobs = make().store()
    const { ref } = await blobs.upload(alice, bytes('x'))
    for (const [name, call] of Object.entries(methods(ref.toString()))) {
      if (['ready', 'close', 'stats', 'markBackup'].includes(name)) continue
      for (const options of [{ nonsense: 1 }, 'text', []]) {
        const what = `${name} with ${JSON.stringify(options)}`
        await expect(call(blobs, options as never), what).rejects.toMatchObject({ code: 'InvalidArgument' })
      }
    }
    expect(await blobs.usage(alice)).toMatchObject({ count: 1, reserved: 0, pending: 0 })
  })

  test('refuses a source that returns no bytes', async () => {
    const blobs = make().store()
    for (const source of ['text', 7, {}, undefined, [1, 2, 3], new Map()]) {
      const upload = blobs.upload(alice, source as never)
      await expect(upload, String(source)).rejects.toSatisfy((error) => isBlobStoreError(error))
    }
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  })

  test('waits for running calls when it is closed, then refuses all calls', async () => {
    const blobs = make().store()
    const { ref } = await blobs.upload(alice, bytes('x'))
    const gate = new Gate()
    const upload = blobs.upload(alice, heldBack('under way', gate))
    await gate.reached
    let closed = false
    const closing = blobs.close().then(() => {
      closed = true
    })
    await expect(blobs.stat(alice, ref), 'while it closes').rejects.toMatchObject({ code: 'StoreClosed' })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(closed).toBe(false)
    gate.open()
    expect((await upload).size).toBe(9)
    await closing

    for (const [name, call] of Object.entries(methods(ref.toString()))) {
      if (name === 'close') continue
      await expect(call(blobs), name).rejects.toMatchObject({ code: 'StoreClosed' })
    }
    await blobs.close()
    await blobs[Symbol.asyncDispose]()
  })

  test('does not wait for ever for a body that nobody reads', async () => {
    const blobs = make().store({ times: { idle: 500 } })
    const ref = await blobs.upload(alice, new Uint8Array(3_000_000))
    await post(blobs, alice, 'a', ref)
    const [untouched, begun] = [await blobs.read(alice, ref.ref), await blobs.read(alice, ref.ref)]
    const reader = begun.body.getReader()
    await reader.read()
    await blobs.close()
    const size = await new Response(untouched.body).arrayBuffer().then(
      ({ byteLength }) => byteLength,
      () => 'rejected',
    )
    expect([3_000_000, 'rejected'], 'all or an error, never less').toContain(size)
    const rest = async (): Promise<void> => {
      while (!(await reader.read()).done);
    }
    await expect(rest(), 'begun').rejects.toThrow()
  })

  test('may be closed at any moment', async () => {
    const place = make()
    const closed = [place.store(), place.store()] as const
    await closed[0].close()
    const opening = closed[1].ready().catch((error) => error)
    await closed[1].close()
    const outcome = await opening
    if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'StoreClosed' })
  })

  test('opens at the next call, if it could not before', async () => {
    const { store, backend } = make()
    let failures = 2
    const inner = backend()
    const failing = meddle(inner, {
      async open(options) {
        if (failures-- > 0) throw new Error('the disk is not mounted')
        await inner.open(options)
      },
    })
    const blobs = store({ backend: failing })
    await expect(blobs.ready()).rejects.toThrow('the disk is not mounted')
    await expect(blobs.upload(alice, bytes('x'))).rejects.toThrow('the disk is not mounted')
    await blobs.ready()
    await blobs.upload(alice, bytes('x'))
    expect(await blobs.usage(alice)).toMatchObject({ count: 1 })
  })

  test('is opened once by concurrent calls', async () => {
    const { store, backend } = make()
    const inner = backend()
    let opened = 0
    const counting = meddle(inner, {
      async open(options) {
        opened += 1
        await inner.open(options)
      },
    })
    const blobs = store({ backend: counting })
    await Promise.all([blobs.ready(), blobs.upload(alice, bytes('x')), blobs.usage(bob), blobs.ready()])
    expect(opened).toBe(1)
  })

  test('closes what it opened, once', async () => {
    const { store, backend } = make()
    const inner = backend()
    let closed = 0
    const counting = meddle(inner, {
      async close() {
        closed += 1
        await inner.close()
      },
    })
    const blobs = store({ backend: counting })
    await blobs.ready()
    await Promise.all([blobs.close(), blobs.close()])
    await blobs.close()
    expect(closed).toBe(1)
  })
})

describe.each(places.slice(1))('two stores on $name', ({ make }) => {
  test('see each other’s changes', async () => {
    const { store, clock, backend } = make()
    const [one, two] = [store(), store()] as const
    await Promise.all([one.ready(), two.ready()])
    const ref = await one.upload(alice, bytes('shared by both'))
    expect(await two.stat(alice, ref.ref, { as: 'account' })).toMatchObject({ referenced: false })
    await post(two, alice, 'a', ref)
    expect(await text((await one.read(alice, ref.ref)).body)).toBe('shared by both')
    await two.takedown(alice, ref.ref)
    expect(await one.stat(alice, ref.ref)).toBeNull()
    await one.reverseTakedown(alice, ref.ref)
    await unpost(one, alice, 'a')
    clock.advance(2 * day)
    await two.collect()
    clock.advance(2 * day)
    await one.collect()
    expect(await two.listAll(alice)).toEqual({ items: [] })
    expect((await backend().list()).keys).toEqual([])
  })

  test('work at the same time', async () => {
    const { store, clock } = make()
    const stores = [store(), store(), store()]
    const refs = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const blobs = stores[index % 3] as BlobStore
        const ref = await blobs.upload(alice, chunks(1 + (index % 5), 1000, index % 10))
        await post(blobs, alice, `post${index}`, ref)
        return ref
      }),
    )
    clock.advance(3 * day)
    await Promise.all(stores.map((blobs) => blobs.collect()))
    expect((await (stores[0] as BlobStore).sweep()).orphans).toBe(0)
    const distinct = new Set(refs.map(({ ref }) => ref.toString()))
    for (const blobs of stores) {
      expect((await blobs.listPublic(alice)).items).toEqual([...distinct].sort())
      for (const { ref, size } of refs) expect(await (await blobs.read(alice, ref)).bytes()).toHaveLength(size)
    }
  })

  test('continue when the other is closed', async () => {
    const { store } = make()
    const [one, two] = [store(), store()] as const
    const ref = await one.upload(alice, bytes('x'))
    await two.ready()
    await one.close()
    await post(two, alice, 'a', ref)
    expect(await text((await two.read(alice, ref.ref)).body)).toBe('x')
    await two.upload(bob, bytes('y'))
  })

  test('find everything after the first was closed', async () => {
    const { store } = make()
    const first = store()
    const ref = await first.upload(alice, bytes('kept'), { mimeType: 'text/plain' })
    await post(first, alice, 'a', ref)
    await first.close()
    const second = store()
    const reading = await second.read(alice, ref.ref)
    expect(reading).toMatchObject({ mimeType: 'text/plain', size: 4, referenced: true })
    expect(await text(reading.body)).toBe('kept')
  })
})

test('two stores may open one place for the first time at once', async () => {
  const place = new FolderPlace()
  const stores = [place.store(), place.store(), place.store()]
  await Promise.all(stores.map((blobs) => blobs.ready()))
  const ref = await (stores[0] as BlobStore).upload(alice, bytes('x'))
  expect(await (stores[2] as BlobStore).stat(alice, ref.ref, { as: 'account' })).not.toBeNull()
})

test('another store may open a new place, and upload, while this one is opening it', async () => {
  const place = new FolderPlace()
  const inner = place.backend()
  let overtaken = false
  const backend = meddle(inner, {
    // This one finds no marker; before it queries the database, another has written one, and content.
    readMarker: async (options) => {
      const marker = await inner.readMarker(options)
      if (!overtaken) {
        overtaken = true
        expect(marker).toBeNull()
        await place.store().upload(alice, bytes('first'))
      }
      return marker
    },
  })
  const blobs = place.store({ backend })
  await blobs.ready()
  const ref = await blobs.upload(alice, bytes('second'))
  expect(overtaken).toBe(true)
  expect(await text((await blobs.read(alice, ref.ref, { as: 'account' })).body)).toBe('second')
})

test('a Kysely that the host gave stays open', async () => {
  const { store, db, backend } = hostPlace()
  if (db === undefined) throw new Error('no host')
  const blobs = store()
  await blobs.upload(alice, bytes('x'))
  await blobs.close()
  await db.transaction().execute(async () => {})
  const again = createBlobStore({ backend: backend(), metadata: kyselyMetadata(db, { durability: 'relaxed' }) })
  expect(await again.usage(alice)).toMatchObject({ count: 1 })
  await again.close()
})

type Own = Exclude<StoreOperation, `resumable.${string}`>

/** A valid call of every operation, with further options. */
function methods(cid: string): Record<Own, (blobs: BlobStore, options?: never) => Promise<unknown>> {
  return {
    ready: (blobs) => blobs.ready(),
    close: (blobs) => blobs.close(),
    upload: (blobs, options) => blobs.upload(alice, bytes('y'), options),
    applyWrites: (blobs, options = {} as never) => {
      const further: object = typeof options === 'object' && !Array.isArray(options) ? options : { options }
      const writes = [{ action: 'delete', uri: uriOf(alice, 'a') }] as const
      return blobs.applyWrites(alice, writes, { rev: nextRev(), ...further })
    },
    read: (blobs, options) => blobs.read(alice, cid, options),
    presign: (blobs, options) => blobs.presign(alice, cid, options),
    stat: (blobs, options) => blobs.stat(alice, cid, options),
    listPublic: (blobs, options) => blobs.listPublic(alice, options),
    listSpace: (blobs, options) => blobs.listSpace(alice, friends, options),
    dropSpace: (blobs, options) => blobs.dropSpace(alice, friends, options),
    listAll: (blobs, options) => blobs.listAll(alice, options),
    listMissing: (blobs, options) => blobs.listMissing(alice, options),
    importProgress: (blobs, options) => blobs.importProgress(alice, options),
    recordsFor: (blobs, options) => blobs.recordsFor(alice, cid, options),
    usage: (blobs, options) => blobs.usage(alice, options),
    takedown: (blobs, options) => blobs.takedown(alice, cid, options),
    reverseTakedown: (blobs, options) => blobs.reverseTakedown(alice, cid, options),
    purge: (blobs, options) => blobs.purge(bob, cid, options),
    listPurges: (blobs, options) => blobs.listPurges(options),
    listTakedowns: (blobs, options) => blobs.listTakedowns(options),
    listHolders: (blobs, options) => blobs.listHolders(cid, options),
    locate: (blobs, options) => blobs.locate(cid, options),
    deleteAccount: (blobs, options) => blobs.deleteAccount(bob, options),
    reopenAccount: (blobs, options) => blobs.reopenAccount(bob, options),
    collect: (blobs, options) => blobs.collect(options),
    sweep: (blobs, options) => blobs.sweep(options),
    scrub: (blobs, options) => blobs.scrub(options),
    stats: (blobs) => blobs.stats(),
    health: (blobs, options) => blobs.health(options),
    listAccounts: (blobs, options) => blobs.listAccounts(options),
    backup: (blobs, options) => blobs.backup(join(temporaryFolder(), 'copy.sqlite'), options),
    markBackup: (blobs) => blobs.markBackup(),
    mirror: (blobs, options) => blobs.mirror(options),
    heal: (blobs, options) => blobs.heal(options),
    migrate: (blobs, options) => blobs.migrate(options),
    recover: (blobs, options) => blobs.recover(options),
  }
}
