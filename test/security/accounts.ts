import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type BlobStore,
  cidOfBytes,
  createBlobStore,
  isBlobStoreError,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { Clock } from '../support/clock.ts'
import { bytes, commit, day, hour, post, unpost } from '../support/samples.ts'

type Deed = 'upload' | 'post' | 'unpost' | 'takedown' | 'restore' | 'delete' | 'reopen' | 'read'

export interface Step {
  /** Which of the two accounts; `time` passes for both. */
  who: 'alice' | 'bob' | 'time'
  deed: Deed
  /** Which of the few contents that both have in common. */
  content: number
}

const contents = ['one', 'two', 'three']
const deeds: readonly Deed[] = [
  ...(['upload', 'upload', 'post', 'post', 'unpost', 'takedown'] as const),
  ...(['restore', 'delete', 'reopen', 'read'] as const),
]

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    who: fc.constantFrom('alice', 'bob', 'bob', 'time'),
    deed: fc.constantFrom(...deeds),
    content: fc.nat(contents.length - 1),
  }),
  { minLength: 4, maxLength: 24 },
)

/** Compares `runs` lives with Bob and without him. */
export async function compareLives(runs: number, seed?: number): Promise<void> {
  let world = new World()
  const sameAlone = fc.asyncProperty(steps, async (all) => {
    if (world.lives > 400) {
      await world.blobs.close()
      world = new World()
    }
    expect(await world.lifeOfAlice(all, true)).toEqual(await world.lifeOfAlice(all, false))
  })
  try {
    await fc.assert(sameAlone, { numRuns: runs, ...(seed !== undefined && { seed }) })
  } finally {
    await world.blobs.close()
  }
}

/** One store in which many lives are lived, one after another, each with its own accounts and bytes. */
class World {
  readonly clock: Clock = new Clock()
  readonly blobs: BlobStore = createBlobStore({
    janitor: false,
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:', { now: this.clock.now }),
    limits: { accept: ['*/*'], quota: { bytes: 28, blobs: 3 } },
  })
  lives = 0

  /** What Alice sees in all her steps, and at the end; Bob's are left out if he is absent. */
  async lifeOfAlice(all: readonly Step[], withBob: boolean): Promise<unknown> {
    this.lives += 1
    const life = new Life(this.blobs, String(this.lives).padStart(6, '0'))
    const seen: unknown[] = []
    for (const step of all) {
      if (step.who === 'alice') seen.push([step, await life.act('alice', step)])
      else if (step.who === 'time') await this.#pass(step)
      else if (withBob) await life.act('bob', step)
    }
    seen.push(await life.view())
    return life.named(seen)
  }

  async #pass({ content }: Step): Promise<void> {
    this.clock.advance([hour, day, 3 * day][content] as number)
    await this.blobs.collect({ force: true })
  }
}

class Life {
  readonly #blobs: BlobStore
  readonly #id: string
  readonly #contents: Uint8Array[]
  readonly #cids: string[]

  constructor(blobs: BlobStore, id: string) {
    this.#blobs = blobs
    this.#id = id
    this.#contents = contents.map((content) => bytes(content + id))
    this.#cids = this.#contents.map((content) => cidOfBytes(content))
  }

  async act(who: 'alice' | 'bob', step: Step): Promise<unknown> {
    try {
      return await this.#act(who, step)
    } catch (error) {
      if (!isBlobStoreError(error)) throw error
      return `${error.code}: ${error.message}`
    }
  }

  async #act(who: 'alice' | 'bob', { deed, content }: Step): Promise<unknown> {
    const blobs = this.#blobs
    const did = `did:plc:${who}${this.#id}`
    const [body, cid] = [this.#contents[content] as Uint8Array, this.#cids[content] as string]
    const mimeType = who === 'alice' ? 'text/plain' : 'text/html'
    const ref = { $type: 'blob', ref: { $link: cid }, mimeType, size: body.length }
    switch (deed) {
      case 'upload':
        return JSON.stringify(await blobs.upload(did, body, { mimeType }))
      case 'post':
        return await post(blobs, did, `r${content}`, ref)
      case 'unpost':
        return await unpost(blobs, did, `r${content}`)
      case 'takedown':
        return await blobs.takedown(did, cid)
      case 'restore':
        return await blobs.reverseTakedown(did, cid)
      case 'delete':
        return content === 0 ? await blobs.deleteAccount(did) : await commit(blobs, did)
      case 'reopen':
        return await blobs.reopenAccount(did)
      case 'read':
        return Buffer.from(await (await blobs.read(did, cid)).bytes()).toString()
    }
  }

  async view(): Promise<unknown> {
    const did = `did:plc:alice${this.#id}`
    const { items } = await this.#blobs.listAll(did)
    const own = await Promise.all(
      items.map(async ({ createdAt: _, ...stat }) => {
        const reading = await this.#blobs.read(did, stat.cid, { as: 'moderator' })
        return { ...stat, content: Buffer.from(await reading.bytes()).toString() }
      }),
    )
    const list = await this.#blobs.listPublic(did)
    const [usage, counts] = [await this.#blobs.usage(did), await this.#blobs.importProgress(did)]
    const byName = (a: unknown, b: unknown): number => (this.#text(a) < this.#text(b) ? -1 : 1)
    return { own: own.sort(byName), list: list.items.sort(byName), usage, counts }
  }

  /** With names that are the same in each life. */
  named(value: unknown): unknown {
    return JSON.parse(this.#text(value))
  }

  #text(value: unknown): string {
    let text = JSON.stringify(value)
    for (const [index, cid] of this.#cids.entries()) text = text.replaceAll(cid, contents[index] as string)
    return text.replaceAll(this.#id, '')
  }
}
