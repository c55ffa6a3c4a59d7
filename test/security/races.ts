import { expect } from 'vitest'
import { type BlobStore, createBlobStore, isBlobStoreError, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { bytes, post } from '../support/samples.ts'

export interface Tally {
  races: number
  /** Uploads that were acknowledged, and those that were refused. */
  taken: number
  refused: number
  /** Reads that returned bytes, all before the takedown was acknowledged. */
  served: number
}

/**
 * Takedowns concurrent with uploads, references and reads of the same blob, each beginning some turns of the event loop
 * later than the other. Whichever wins: once the takedown was acknowledged only a moderator is served, and a later
 * upload or reference is refused.
 */
export async function raceTakedowns(races: number, pick: (below: number) => number): Promise<Tally> {
  const blobs = createBlobStore({
    janitor: false,
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
  })
  const tally: Tally = { races, taken: 0, refused: 0, served: 0 }
  try {
    for (let race = 0; race < races; race++) await raceOnce(blobs, race, pick, tally)
  } finally {
    await blobs.close()
  }
  return tally
}

async function raceOnce(blobs: BlobStore, race: number, pick: (below: number) => number, tally: Tally): Promise<void> {
  const alice = `did:plc:alice${Math.floor(race / 50)}` // an account that has all races' blobs would become slower with each
  const content = bytes(`race ${race}`)
  const known = await blobs.upload(alice, content)
  const cid = known.ref.toString()
  if (pick(2) === 0) await post(blobs, alice, `old${race}`, known)
  const target = pick(3) === 0 ? '*' : alice
  let down = false
  const late = async (call: () => Promise<unknown>): Promise<unknown> => {
    for (let turns = pick(12); turns > 0; turns--) await new Promise(setImmediate)
    return call()
  }
  const serve = async (): Promise<void> => {
    const begun = down
    const reading = await blobs.read(alice, cid)
    await reading.bytes()
    tally.served += 1
    expect(begun, `race ${race}: served after the takedown`).toBe(false)
  }
  const outcomes = await Promise.allSettled([
    late(async () => {
      await blobs.takedown(target, cid)
      down = true
    }),
    late(() => blobs.upload(alice, content)),
    late(() => post(blobs, alice, `new${race}`, known)),
    late(serve),
    late(serve),
  ])
  expect(outcomes[0].status, `race ${race}`).toBe('fulfilled')
  for (const { reason, status } of outcomes.map((one) => ({ reason: undefined, ...one }))) {
    if (status === 'fulfilled') continue
    if (!isBlobStoreError(reason, 'BlobTakenDown') && !isBlobStoreError(reason, 'BlobNotFound')) throw reason
  }
  tally[outcomes[1].status === 'fulfilled' ? 'taken' : 'refused'] += 1

  await expect(blobs.read(alice, cid), `race ${race}`).rejects.toMatchObject({ code: 'BlobNotFound' })
  expect(await blobs.stat(alice, cid, { as: 'account' }), `race ${race}`).toBeNull()
  expect((await blobs.listPublic(alice, { limit: 1000 })).items).not.toContain(cid)
  await expect(blobs.upload(alice, content)).rejects.toMatchObject({ code: 'BlobTakenDown' })
  await expect(post(blobs, alice, `later${race}`, known)).rejects.toMatchObject({ code: 'BlobTakenDown' })
}
