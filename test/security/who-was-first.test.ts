import { describe, expect, test } from 'vitest'
import { createImageHandler } from '../../src/images.ts'
import type { BlobBackend } from '../../src/index.ts'
import { openImages, picture } from '../images/place.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, day } from '../support/samples.ts'
import { type Answers, lifeOf, nobodyElse, type World, worlds } from './who-was-first.ts'

// "Was I the first with these bytes?", asked of every answer that an account gets. Fails when an upload of known bytes
// is charged for longer or shorter, keeps another time or type, or is visible in any other way.

const inMemory = bytes('these bytes, which somebody may have')
/** Slow, and the same for the database: one place is enough. */
const spooled = new Uint8Array(1_500_000).fill(113)

const cases = places.flatMap(({ name, make }, at) => [
  { name: `a few bytes on ${name}`, make, content: inMemory },
  ...(at === 0 ? [{ name: `bytes that go through a spool on ${name}`, make, content: spooled }] : []),
])

describe.each(cases)('what an account is answered for $name', ({ make, content }) => {
  let alone: Promise<Answers> | undefined

  async function answersIn(world: World): Promise<Answers> {
    const { store, clock } = make()
    const quota = { bytes: 10 * content.length, blobs: 5, pendingBytes: content.length, temporaryBlobs: 3 }
    const times = { grace: 2 * day, fresh: day, deleteDelay: 2 * day, takedownHold: 9 * day }
    const blobs = store({ limits: { accept: ['*/*'], quota }, times })
    const answers = await lifeOf(blobs, clock, content, world)
    await blobs.close()
    return answers
  }

  test.each(worlds)('does not show whether there is $name', async (world) => {
    alone ??= answersIn(nobodyElse)
    const answers = await answersIn(world)
    for (const [at, expected] of (await alone).entries()) expect(answers[at]).toEqual(expected)
  })
})

// Fails when accounts share variants, or refusals.
test.each(['a picture', 'no picture'])('images made of %s do not show it either', async (what) => {
  const content = what === 'a picture' ? await picture(300, 200).png().toBuffer() : bytes(what)

  async function answersIn(bobAsksFirst: boolean): Promise<unknown[]> {
    let readings = 0
    const { images, publish } = await openImages({}, { wrap: (backend) => noting(backend, () => void readings++) })
    const handler = createImageHandler(images, { cacheTags: 'cache-tag' })
    const ask = async (did: string, cid: string, init?: RequestInit) => {
      const response = await handler(new Request(`http://pds.example/img/avatar/plain/${did}/${cid}`, init))
      const body = Buffer.from(await response.arrayBuffer()).toString('hex')
      return [response.status, Object.fromEntries(response.headers), body, readings] as const
    }
    if (bobAsksFirst) await ask(bob, await publish(bob, content, 'image/png'))
    readings = 0
    const cid = await publish(alice, content, 'image/png')
    const first = await ask(alice, cid)
    const known = { headers: { 'if-none-match': first[1].etag ?? '' } }
    const dimensions = await images.dimensions(alice, cid)
    return [
      first,
      await ask(alice, cid),
      await ask(alice, cid, known),
      await ask(alice, cid, { method: 'HEAD' }),
      dimensions,
    ]
  }

  expect(await answersIn(true)).toEqual(await answersIn(false))
})

function noting(backend: BlobBackend, onReading: () => void): BlobBackend {
  const get = backend.get.bind(backend)
  return Object.assign(backend, {
    get: (...given: Parameters<BlobBackend['get']>) => {
      onReading()
      return get(...given)
    },
  })
}
