import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type BlobBackend,
  type BlobStoreOptions,
  MemoryBackend,
  type MetadataAdapter,
  sqliteMetadata,
} from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { Gate, meddle, meddleMetadata } from '../support/meddling.ts'
import { alice, bytes } from '../support/samples.ts'

// A process that has the store open renews its marker, and begins another epoch with it. So a copy of the database is
// older than the bytes soon after it was made, whoever made it; and a database that is put back is noticed.

const minute = 60_000
const patiently = { timeout: 10_000 }

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

async function opened({ durability = 'full' as const, backend, metadata: meddled = (real) => real }: Options = {}) {
  const place = new FolderPlace()
  const { clock } = place
  const metadata = (file = place.database) => meddled(sqliteMetadata(file, { durability, now: clock.now }))
  const blobs = place.store({ metadata: metadata(), ...(backend && { backend: backend(place.backend()) }) })
  await blobs.ready()
  const marker = async () => JSON.parse((await place.backend().readMarker()) ?? '')
  const pass = () => {
    clock.advance(minute)
    vi.advanceTimersByTime(minute)
  }
  return {
    ...{ place, blobs, clock, metadata, marker, pass },
    epoch: async () => {
      const database = await metadata().open()
      const { epoch } = await database.identity()
      await database.close()
      return epoch
    },
    /** The database as it is now, for a machine that takes over when this one has died. */
    copy: () => join(place.backUp(), 'backup'),
    takeOver: (database: string) => place.store({ metadata: metadata(database) }),
    /** So many minutes, in which what is due is renewed. */
    async live(minutes: number) {
      for (let passed = 0; passed < minutes; passed++) {
        pass()
        const left = async () => (await marker()).until - clock.now()
        await vi.waitFor(async () => expect(await left()).toBeGreaterThan(2.5 * minute), patiently)
      }
    },
  }
}

interface Options {
  durability?: 'full' | 'relaxed'
  backend?: (real: BlobBackend) => NonNullable<BlobStoreOptions['backend']>
  metadata?: (real: MetadataAdapter) => MetadataAdapter
}

// Fails when only openings, sweeps and recorded backups begin an epoch: the sweep deletes what was uploaded since.
test('a copy that nobody recorded is known to be older than its bytes after a renewal', async () => {
  const { blobs, copy, live, clock, takeOver } = await opened()
  await blobs.upload(alice, bytes('before'))
  const database = copy()
  await live(3)
  await blobs.upload(alice, bytes('after'))
  clock.advance(5 * minute) // nobody renews: the machine is dead
  const other = takeOver(database)
  await expect(other.sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
  await expect(other.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
})

test('a copy that is as new as the marker opens as the original', async () => {
  const { blobs, copy, live, clock, takeOver } = await opened()
  await blobs.upload(alice, bytes('before'))
  await live(3)
  const database = copy()
  clock.advance(5 * minute)
  const other = takeOver(database)
  await other.sweep()
  expect((await other.listAll(alice)).items).toHaveLength(1)
})

// Fails when an epoch begins at each minute, or at none.
test('an epoch is as long as half of a lease', async () => {
  const { live, marker } = await opened()
  const { epoch } = await marker()
  await live(9)
  expect(await marker()).toMatchObject({ epoch: epoch + 3 })
})

// Fails when a power cut that undoes the last commits would make the database seem to be restored.
test('a database whose commits are not durable keeps its epoch', async () => {
  const { live, marker } = await opened({ durability: 'relaxed' })
  const { epoch } = await marker()
  await live(9)
  expect(await marker()).toMatchObject({ epoch })
})

// Fails when each try begins an epoch: the bytes would seem to be restored from a backup at the next opening.
test('a marker that cannot be written falls behind by one epoch', async () => {
  let [isFull, tries] = [false, 0]
  const { marker, epoch, pass } = await opened({
    backend: (real) =>
      meddle(real, {
        async writeMarker(text) {
          if (!isFull) return real.writeMarker(text)
          tries += 1
          throw new Error('no space left')
        },
      }),
  })
  const before = (await marker()).epoch
  isFull = true
  await vi.waitFor(() => {
    pass()
    expect(tries).toBeGreaterThan(2)
  }, patiently)
  expect(await epoch()).toBe(before + 1)
})

// Fails when the first failure ends the renewal: a copy would take over what the other backend has.
test('a backend that is down keeps no other marker from being renewed', async () => {
  let isDown = false
  const { clock, marker, live } = await opened({
    backend: (real) => {
      const other = new MemoryBackend({ name: 'other' })
      const down = meddle(other, {
        readMarker: () => (isDown ? Promise.reject(new Error('down')) : other.readMarker()),
      })
      return { write: real.name, all: { other: down, [real.name]: real } }
    },
  })
  isDown = true
  const { epoch } = await marker()
  await live(9)
  expect(await marker()).toMatchObject({ epoch: epoch + 3 })
  expect((await marker()).until).toBeGreaterThan(clock.now())
})

// Fails when a renewal lets the database catch up with the marker: after some hours a rollback would be hidden.
test('a database that is put back under a running process is noticed at the next minute', async () => {
  const { place, blobs, live, marker, pass } = await opened()
  await blobs.markBackup()
  await live(6)
  await blobs.upload(alice, bytes('forgotten'))
  const { epoch } = await marker()
  const database = new Database(place.database)
  database.exec('UPDATE blobstore_meta SET epoch = 1')
  database.close()
  pass()
  await vi.waitFor(() => expect(blobs.collect()).rejects.toMatchObject({ code: 'StoreRestored' }), {
    ...patiently,
    interval: 200,
  })
  await live(9)
  expect(await marker()).toMatchObject({ epoch })
  await expect(blobs.sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
})

// Fails when each process begins an epoch: the slowest would leave a marker that is several behind.
test('processes that renew at once begin one epoch', async () => {
  const [all, gate] = [3, new Gate()]
  let [isOpen, arrived] = [false, 0]
  const together = (real: MetadataAdapter) =>
    meddleMetadata(real, (inner) => ({
      async nextEpoch(epoch) {
        if (isOpen && ++arrived === all) gate.open()
        if (isOpen) await gate.pass()
        return inner.nextEpoch(epoch)
      },
    }))
  const { marker, epoch, place, metadata, live } = await opened({ metadata: together })
  const others = [1, 2].map(() => place.store({ metadata: metadata() }))
  for (const other of others) await other.ready()
  isOpen = true
  const before = await epoch()
  await live(3)
  await vi.waitFor(async () => expect(await marker()).toMatchObject({ epoch: before + 1 }), patiently)
  expect([arrived, await epoch()]).toEqual([all, before + 1])
})

// Fails when the marker is only written after the commit: a copy would take over the bytes of a living process.
test('a database that takes no writes keeps other copies away', async () => {
  let isFull = false
  const { clock, marker, live } = await opened({
    metadata: (real) =>
      meddleMetadata(real, (inner) => ({
        nextEpoch: (epoch) => (isFull ? Promise.reject(new Error('no space left')) : inner.nextEpoch(epoch)),
      })),
  })
  const { epoch } = await marker()
  isFull = true
  await live(9)
  expect(await marker()).toMatchObject({ epoch })
  expect((await marker()).until).toBeGreaterThan(clock.now() + 2.5 * minute)
})
