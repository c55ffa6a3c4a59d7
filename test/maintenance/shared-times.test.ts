import { describe, expect, test, vi } from 'vitest'
import type { Logger } from '../../src/index.ts'
import { type Place, places } from '../support/places.ts'
import { alice, bytes, day, hour } from '../support/samples.ts'

// A host that keeps deleted bytes for 30 days, and a tool beside it that does not know that.

/** How long bytes wait that this process dooms. */
async function delayOf(place: Place, tool: ReturnType<Place['store']>): Promise<number> {
  await tool.upload(alice, bytes(`${Math.random()}`))
  place.clock.advance(day)
  expect(await tool.collect()).toMatchObject({ expiredBlobs: 1 })
  for (const delay of [0, 1, 2, 7, 30].map((days) => days * day)) {
    place.clock.advance(delay)
    const { deletedKeys } = await tool.collect()
    place.clock.advance(-delay)
    if (deletedKeys === 1) return delay
  }
  throw new Error('It waits longer')
}

function listening(): { logger: Logger; warnings: [object, string][] } {
  const warnings: [object, string][] = []
  const warn = (details: object, message: string) => void warnings.push([details, message])
  return { warnings, logger: { info() {}, warn, error: warn } }
}

const lasting = places.filter(({ name }) => !name.includes('memory'))

describe.each(lasting)('the deletion times of a store, in $name', ({ make }) => {
  // Fails when `agreedTimes` forgets what is not given, or `Presence` does not pass on what was given.
  test('are those of the host for a process that was given none, even when the host is closed', async () => {
    const place = make()
    const host = place.store({ times: { deleteDelay: 30 * day } })
    await host.ready()
    const beside = place.store()
    await beside.ready()
    expect(beside.times).toMatchObject({ deleteDelay: 30 * day, grace: day })
    await beside.close()
    await host.close()
    const after = place.store()
    await after.ready()
    expect(await delayOf(place, after)).toBe(30 * day)
  })

  // Fails when the times of one process replace those of another.
  test('are the longest of several open processes, and those of the last one when it is alone', async () => {
    const place = make()
    const long = place.store({ times: { deleteDelay: 7 * day, upload: 3 * hour, lease: 4 * hour } })
    await long.ready()
    const short = place.store({ times: { deleteDelay: day, grace: 2 * hour, upload: hour, lease: 2 * hour } })
    await short.ready()
    expect(short.times).toMatchObject({ deleteDelay: 7 * day, grace: 2 * hour, upload: hour, lease: 4 * hour })
    const tool = place.store()
    await tool.ready()
    expect(tool.times).toMatchObject({ deleteDelay: 7 * day, grace: 2 * hour, upload: 3 * hour, lease: 4 * hour })
    for (const one of [long, short, tool]) await one.close()
    const alone = place.store({ times: { deleteDelay: day } })
    await alone.ready()
    expect(alone.times.deleteDelay).toBe(day)
    const later = place.store()
    await later.ready()
    expect(later.times).toMatchObject({ deleteDelay: day, grace: 2 * hour, upload: 3 * hour, lease: 4 * hour })
  })

  test('are 48 hours for deleted bytes by default: a backup each day may be restored', async () => {
    const place = make()
    expect(await delayOf(place, place.store())).toBe(2 * day)
  })

  // Fails when the comparison is reversed, or the time of the backup is not stored.
  test('cause a warning when a backup came too late for them', async () => {
    const place = make()
    const { logger, warnings } = listening()
    const host = place.store({ logger })
    for (let at = 0; at < 3; at++) {
      await host.markBackup()
      place.clock.advance(day + hour)
    }
    const late = () => warnings.filter(([, message]) => message.includes('backup'))
    expect(late()).toEqual([])
    place.clock.advance(day)
    await host.markBackup()
    expect(late()).toEqual([
      [{ age: 2 * day + hour, deleteDelay: 2 * day }, expect.stringMatching(/is 49 hours old.*is 48 hours/)],
    ])
  })
})

// Fails when the answer to a renewal is ignored.
test('a process learns of longer times at its next renewal', async () => {
  const place = places.find(({ name }) => name.includes('SQLite file'))?.make()
  if (!place) return
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const first = place.store({ times: { deleteDelay: day } })
    await first.ready()
    const second = place.store({ times: { deleteDelay: 7 * day } })
    await second.ready()
    expect(first.times.deleteDelay).toBe(day)
    vi.advanceTimersByTime(60_000)
    while (first.times.deleteDelay === day) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(first.times.deleteDelay).toBe(7 * day)
  } finally {
    vi.useRealTimers()
  }
})
