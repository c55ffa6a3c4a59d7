import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { FolderPlace } from '../support/folder-place.ts'
import { alice, bytes, day } from '../support/samples.ts'

// A copy of the database is on another machine, whose clock is right. The clock of the original, which uses the bytes,
// runs ahead, and by it the marker says until when it uses them.

const minute = 60_000

async function copied() {
  const place = new FolderPlace()
  const blobs = place.store()
  await blobs.upload(alice, bytes('mine'))
  const database = join(place.backUp(), 'backup')
  const marker = async () => JSON.parse((await place.backend().readMarker()) ?? '')
  /** The original renews its marker. */
  const tell = async () => {
    const until = place.clock.now() + 365 * day
    await place.backend().writeMarker(JSON.stringify({ ...(await marker()), until }))
  }
  await tell()
  return { clock: place.clock, tell, marker, copy: () => place.store({ database }).ready() }
}

const refused = { code: 'StoreMismatch', transient: true, message: expect.stringContaining('wait 300 s.') }

// Fails when the marker's time is trusted: a database that was moved opens in a year.
test('a copy opens when the original has not renewed its marker for a lease', async () => {
  const { clock, copy } = await copied()
  await expect(copy()).rejects.toMatchObject(refused)
  clock.advance(4 * minute)
  await expect(copy()).rejects.toMatchObject({ message: expect.stringContaining('wait 60 s.') })
  clock.advance(minute)
  await copy()
})

// Fails when a time beyond a lease counts as over: the copy's sweep dooms what the original has.
test('a copy is refused as long as the original is alive', async () => {
  const { clock, tell, copy } = await copied()
  for (let round = 0; round < 5; round++) {
    await expect(copy()).rejects.toMatchObject(refused)
    clock.advance(3 * minute)
    await tell()
  }
})

// Fails when a note with a future time counts.
test('times that a copy recorded with its own wrong clock let it open neither sooner nor later', async () => {
  const { clock, copy } = await copied()
  clock.advance(30 * day)
  await expect(copy()).rejects.toMatchObject(refused)
  clock.advance(-30 * day)
  await expect(copy()).rejects.toMatchObject(refused)
  clock.advance(5 * minute)
  await copy()
})

// Fails when a marker that ends in a year counts as fresh.
test('the original corrects the marker at its next renewal', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const { clock, marker } = await copied()
    vi.advanceTimersByTime(minute)
    await vi.waitFor(async () => expect((await marker()).until).toBe(clock.now() + 5 * minute))
  } finally {
    vi.useRealTimers()
  }
})
