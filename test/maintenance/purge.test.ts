import { basename } from 'node:path'
import { expect, test, vi } from 'vitest'
import { cidOfBytes, type InaccessibleEvent } from '../../src/index.ts'
import { diskPlace } from '../support/places.ts'
import { alice, bob, bytes, day, post } from '../support/samples.ts'
import { restorable } from './restorable.ts'

// What purges mean to recovering, sweeping, and to the hooks of other processes.

const bad = bytes('illegal')
const cid = cidOfBytes(bad)

// Fails when `recover` copies before it looks, or a sweep keeps for a delete delay what no row knows of it.
test('a restored database hides what is purged, gives it to nobody, and deletes it once it is recovered', async () => {
  const { open, backUp, restore, files, clock } = restorable()
  const before = open()
  await post(before, alice, 'a', await before.upload(alice, bytes('kept')))
  backUp()
  await before.markBackup()
  await post(before, alice, 'b', await before.upload(alice, bad))
  await before.close()
  restore()

  const restored = open()
  await expect(restored.purge('*', cid)).rejects.toMatchObject({ code: 'StoreRestored' })
  expect((await restored.listPurges()).items).toMatchObject([{ cid, goneAt: null, keys: 0 }])
  await expect(restored.upload(bob, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
  const report = await restored.recover({ ownersOf: async () => [{ did: alice }] })
  expect(report).toMatchObject({ adopted: 0, takenDown: [cid], unclaimed: [] })
  expect(await restored.stat(alice, cid, { as: 'moderator' })).toBeNull()
  expect(files().filter((path) => basename(path).startsWith(cid)).length, 'no copy was made').toBe(1)
  await restored.collect()
  expect((await restored.listPurges()).items).toMatchObject([{ cid, goneAt: expect.any(Date) }])
  clock.advance(6 * 60_000) // until the lease of the process before the restore is over
  expect(await restored.sweep()).toMatchObject({ orphans: 1, stopped: false })
  await restored.collect()
  expect(files().length).toBe(1)
  await restored.close()
})

test('a database of before a purge names bytes that are gone, and does not know of it: it is to be purged again', async () => {
  const { open, backUp, restore, files } = restorable()
  const before = open()
  await post(before, alice, 'a', await before.upload(alice, bad))
  backUp()
  await before.markBackup()
  expect(await before.purge('*', cid)).toMatchObject({ heldByBackups: expect.any(Date) })
  await before.close()
  restore()
  const restored = open()
  await restored.recover()
  await expect(restored.read(alice, cid)).rejects.toMatchObject({ code: 'BlobMissing' })
  expect(await restored.purge('*', cid)).toMatchObject({ goneAt: expect.any(Date) })
  expect(await restored.stat(alice, cid, { as: 'moderator' })).toBeNull()
  expect(files()).toEqual([])
  await restored.close()
})

// Fails when `Presence` does not look what others did, or tells of the same again.
test('the hooks of other processes hear of a purge within a minute, and once', async () => {
  const place = diskPlace()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const events: InaccessibleEvent[] = []
    const onInaccessible = (event: InaccessibleEvent): void => void events.push(event)
    const host = place.store({ hooks: { onInaccessible } })
    await host.ready()
    const tool = place.store()
    await tool.purge('*', cid)
    expect(events).toEqual([])
    vi.advanceTimersByTime(60_000)
    await vi.waitUntil(() => events.length > 0)
    expect(events).toEqual([{ did: '*', cid, because: 'purged' }])
    await host.purge(alice, cid)
    expect(events.length).toBe(2)
    vi.advanceTimersByTime(60_000)
    await tool.purge(bob, cid)
    vi.advanceTimersByTime(60_000)
    await vi.waitUntil(() => events.length > 2)
    expect(events.slice(1).map(({ did }) => did)).toEqual([alice, bob])
    place.clock.advance(2 * day)
  } finally {
    vi.useRealTimers()
  }
})

// Fails when only the newest page of purges is read: the caches of the host keep the rest for ever.
test('the hooks of other processes hear of every purge, however many there were in a minute', async () => {
  const place = diskPlace()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const told = new Set<string | null>()
    const host = place.store({ hooks: { onInaccessible: (event) => void told.add(event.cid) } })
    await host.ready()
    const tool = place.store()
    const purged = Array.from({ length: 1001 }, (_, n) => cidOfBytes(bytes(`purged ${n}`)))
    for (const one of purged) await tool.purge('*', one)
    vi.advanceTimersByTime(60_000)
    await vi.waitUntil(() => told.size >= 1000)
    await vi.waitUntil(() => told.size === purged.length)
  } finally {
    vi.useRealTimers()
  }
})
