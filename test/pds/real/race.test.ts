import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RunningPds } from '../../../examples/pds/pds.ts'
import { collectAll, describeWithPds, Network, Person, settled, wheres } from './network.ts'

// Deletes a record, uploads the same bytes again, references them again; meanwhile the PDS's background queue deletes
// what the first record referenced. When that runs is random: before, between, beside, or after everything.
const moments = ['at once', 'after the upload', 'beside the record', 'after the record'] as const

async function race(pds: RunningPds, rounds: number): Promise<number> {
  const { queue } = pds.pds.ctx.backgroundQueue as unknown as { queue: { pause(): void; start(): void } }
  const people = await Promise.all([0, 1, 2, 3].map(() => new Person(pds.url).signUp()))
  const last = new Map<Person, Buffer[]>()
  let lost = 0
  for (let round = 0; round < rounds; round++) {
    const person = people[round % people.length] as Person
    const moment = moments[Math.floor(round / people.length) % moments.length]
    const bytes = randomBytes(200 + round)
    const first = await person.write(await person.upload(bytes))
    queue.pause()
    await person.erase(first)
    if (moment === 'at once') queue.start()
    const again = await person.upload(bytes)
    if (moment === 'after the upload') queue.start()
    const writing = person.write(again)
    if (moment === 'beside the record') queue.start()
    await writing
    queue.start()
    await settled(pds)
    const served = await person.read(again)
    if (!served?.equals(bytes)) lost += 1
    last.set(person, [...(last.get(person) ?? []), bytes])
    // The PDS does not know that it is lost.
    expect(await person.missing()).toEqual([])
  }
  if (!pds.attachment) return lost
  await collectAll(pds)
  expect(await pds.blobs.stats()).toMatchObject({ count: rounds, storedCount: rounds, doomedCount: 0 })
  return lost
}

describeWithPds('a record deleted, its blob uploaded and referenced again', () => {
  describe.each(wheres)('200 times, the bytes %s', (where) => {
    const network = new Network(where)

    test('the blob is served each time', { timeout: 600_000 }, async () => {
      const pds = await network.pds({ times: { grace: 5000, deleteDelay: 0 } })
      expect(await race(pds, 200)).toBe(0)
    })
  })

  const network = new Network()

  test('the same race loses blobs with the PDS’s own store on disk', { timeout: 120_000 }, async () => {
    const pds = await network.pds({ attach: false })
    expect(await race(pds, 16)).toBeGreaterThan(0)
  })
})
