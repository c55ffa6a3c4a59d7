import { createBlobHandler } from '../../src/http.ts'
import { type BlobRef, type BlobStore, BlobStoreError, cidOfBytes, createBlobRef } from '../../src/index.ts'
import { query, tokens, xrpc } from '../http/place.ts'
import type { Clock } from '../support/clock.ts'
import { alice, bob, chunks, commit, day, friends, hour, post, unpost, uriIn, uriOf } from '../support/samples.ts'

// One account's life, through the HTTP handlers and through the store, and every answer that it gets. Comparing two of
// them, with and without others who have the same bytes, shows what reveals who was first.

/** What others do with the bytes that Alice uploads; without this, she is the first. */
export interface World {
  name: string
  /**
   * How long before her, in milliseconds: by default her first upload finds bytes that are fresh. @default half a day
   */
  began?: number
  /** Before Alice. */
  before?(blobs: BlobStore, content: Uint8Array, clock: Clock): Promise<void>
  /** When her upload is no longer fresh, and before she uploads it again. */
  between?(blobs: BlobStore, content: Uint8Array): Promise<void>
}

const upload = (blobs: BlobStore, content: Uint8Array): Promise<BlobRef> =>
  blobs.upload(bob, content, { mimeType: 'text/html' })

async function publish(blobs: BlobStore, content: Uint8Array): Promise<BlobRef> {
  const ref = await upload(blobs, content)
  await post(blobs, bob, cidOfBytes(content), ref)
  return ref
}

export const nobodyElse: World = { name: 'nobody else' }

/** In each of them another account has, or had, what Alice uploads. */
export const worlds: readonly World[] = [
  { name: 'another account that shows them', before: async (blobs, content) => void (await publish(blobs, content)) },
  {
    name: 'another account with no record of them',
    before: async (blobs, content) => void (await upload(blobs, content)),
  },
  {
    name: 'another account whose grace period is over',
    began: 3 * day,
    async before(blobs, content, clock) {
      await upload(blobs, content)
      clock.advance(2 * day)
    },
  },
  {
    name: 'another account that has just deleted them',
    began: 2 * day,
    async before(blobs, content, clock) {
      await publish(blobs, content)
      await unpost(blobs, bob, cidOfBytes(content))
      clock.advance(2 * day)
      await blobs.collect()
    },
  },
  {
    name: 'another account that shows them to few viewers',
    async before(blobs, content) {
      const record = { ref: await upload(blobs, content) }
      await commit(blobs, bob, { action: 'create', uri: uriIn(friends, bob, 'few'), record })
    },
  },
  {
    name: 'another account for which they are taken down',
    async before(blobs, content) {
      await publish(blobs, content)
      await blobs.takedown(bob, cidOfBytes(content), { ref: 'case 17' })
    },
  },
  {
    name: 'another account whose bytes are held after it was deleted',
    async before(blobs, content) {
      await publish(blobs, content)
      await blobs.takedown(bob, cidOfBytes(content))
      await blobs.deleteAccount(bob)
    },
  },
  {
    name: 'another account for which they were taken down before it came',
    async before(blobs, content) {
      await blobs.takedown(bob, cidOfBytes(content))
      await upload(blobs, content).catch(() => {})
    },
  },
  {
    name: 'another account that is deleted',
    async before(blobs, content) {
      await publish(blobs, content)
      await blobs.deleteAccount(bob)
    },
  },
  {
    name: 'another account that waits for them',
    async before(blobs, content) {
      const blob = createBlobRef({ cid: cidOfBytes(content), mimeType: 'text/html', size: content.length })
      const write = { action: 'create', uri: uriOf(bob, cidOfBytes(content)), record: { blob } } as const
      await blobs.applyWrites(bob, [write], { rev: '3jzfcijpj2z2a', missing: 'expect' })
    },
  },
  {
    name: 'another account that has shown them for long',
    began: 3 * day,
    before: async (blobs, content) => void (await publish(blobs, content)),
  },
  {
    name: 'another account that comes after her',
    between: async (blobs, content) => void (await publish(blobs, content)),
  },
  {
    name: 'another account that comes after her, and goes again',
    async between(blobs, content) {
      await publish(blobs, content)
      await blobs.deleteAccount(bob)
    },
  },
]

/** What Alice did, and all answers that she got. */
export type Answers = [deed: string, answer: unknown][]

/** Lives her life with these bytes, from the same moment in each world. */
export async function lifeOf(blobs: BlobStore, clock: Clock, content: Uint8Array, world: World): Promise<Answers> {
  const begins = clock.time
  clock.time = begins - (world.began ?? day / 2)
  await world.before?.(blobs, content, clock)
  clock.time = begins
  return new Life(blobs, clock, content, world).live()
}

class Life {
  readonly #blobs: BlobStore
  readonly #clock: Clock
  readonly #content: Uint8Array
  readonly #cid: string
  readonly #world: World
  readonly #handler: (request: Request) => Promise<Response>
  readonly #seen: Answers = []

  constructor(blobs: BlobStore, clock: Clock, content: Uint8Array, world: World) {
    this.#blobs = blobs
    this.#clock = clock
    this.#content = content
    this.#cid = cidOfBytes(content)
    this.#world = world
    this.#handler = createBlobHandler(blobs, { ...tokens, cacheTags: 'surrogate-key' })
  }

  async live(): Promise<Answers> {
    const [blobs, content] = [this.#blobs, this.#content]
    const refOf = (mimeType: string) => createBlobRef({ cid: this.#cid, mimeType, size: content.length })
    const record = { blob: refOf('text/plain') }
    const write = { action: 'create', uri: uriOf(alice, 'too-early'), record } as const
    await this.#look('before she has them')
    await this.#call('a record of what she has not', () => blobs.applyWrites(alice, [write], { rev: '3jzfcijpj2z2a' }))
    const imported = { rev: '3jzfcijpj2z2a', missing: 'expect' } as const
    await this.#call('an import', () => blobs.applyWrites(alice, [write], imported))
    await this.#look('while her record waits')
    await this.#call('the import undone', () => unpost(blobs, alice, 'too-early'))

    await this.#upload('the first upload', 'text/plain')
    await this.#look('when she has them')
    await this.#pass(day - 2 * hour)
    await this.#upload('the same', 'text/plain')
    await this.#pass(3 * hour)
    await this.#world.between?.(blobs, content)
    await this.#upload('the same, of another type', 'text/css')
    await this.#call('in pieces', () => blobs.upload(alice, chunks(1, 1, 7), { cid: this.#cid }))
    await this.#call('as a stream', () => blobs.upload(alice, once(content)))
    for (let passed = 0; passed < 6; passed++) await this.#pass(hour)
    await this.#upload('the last that the quota takes', 'text/css')
    await this.#upload('one too many', 'text/css')
    await this.#call('a record', () => post(blobs, alice, 'post', refOf('text/css')))
    await this.#look('when she shows them')
    await this.#pass(2 * day)
    await this.#call('taken down', () => blobs.takedown(alice, this.#cid))
    await this.#upload('what is taken down', 'text/css')
    await this.#look('when they are taken down')
    await this.#call('restored', () => blobs.reverseTakedown(alice, this.#cid))
    await this.#call('no record', () => unpost(blobs, alice, 'post'))
    for (let passed = 0; passed < 9; passed++) await this.#pass(day / 2)
    await this.#upload('once more', 'text/plain')
    await this.#call('the account deleted', () => blobs.deleteAccount(alice))
    await this.#upload('when it is deleted', 'text/plain')
    for (let passed = 0; passed < 6; passed++) await this.#pass(day / 2)
    return this.#seen
  }

  /** Time passes, and things are collected. */
  async #pass(milliseconds: number): Promise<void> {
    this.#clock.advance(milliseconds)
    await this.#blobs.collect()
    await this.#call(`${milliseconds / hour} hours later`, () => this.#blobs.usage(alice))
  }

  async #look(when: string): Promise<void> {
    const [blobs, cid] = [this.#blobs, this.#cid]
    for (const as of ['public', 'account', 'moderator'] as const) {
      await this.#call(`${when}: stat as ${as}`, () => blobs.stat(alice, cid, { as }))
      await this.#call(`${when}: read as ${as}`, async () => {
        const { body, ...facts } = await blobs.read(alice, cid, { as, verify: true })
        return [facts.createdAt, facts.size, cidOfBytes(new Uint8Array(await new Response(body).arrayBuffer()))]
      })
      // Except for the address itself, which is that of the shared object: docs/security.md says what it reveals.
      await this.#call(`${when}: presign as ${as}`, async () => {
        const blob = await blobs.presign(alice, cid, { as })
        return blob && { ...blob, url: typeof blob.url }
      })
    }
    for (const method of ['listPublic', 'listAll', 'listMissing', 'importProgress', 'usage'] as const) {
      await this.#call(`${when}: ${method}`, () => blobs[method](alice))
    }
    await this.#call(`${when}: records`, () => blobs.recordsFor(alice, cid))
    const etag = `"${cid}"`
    const asked: Record<string, RequestInit> = {
      GET: {},
      HEAD: { method: 'HEAD' },
      'GET, which she has': { headers: { 'if-none-match': etag } },
      'GET, which has changed': { headers: { 'if-match': '"other"' } },
      'GET of a part': { headers: { range: 'bytes=1-3' } },
      'GET of no part': { headers: { range: 'bytes=9999999-' } },
      'GET since long ago': { headers: { 'if-modified-since': new Date(this.#clock.time).toUTCString() } },
    }
    for (const [name, init] of Object.entries(asked)) {
      await this.#ask(`${when}: ${name}`, query(xrpc.get, { did: alice, cid }), init)
    }
    await this.#ask(`${when}: listBlobs`, query(xrpc.list, { did: alice }))
    await this.#ask(`${when}: listMissingBlobs`, xrpc.missing, { headers: asHer })
  }

  #upload(deed: string, mimeType: string): Promise<void> {
    const body = this.#content as Uint8Array<ArrayBuffer>
    const headers = { ...asHer, 'content-type': mimeType, 'content-length': String(body.length) }
    return this.#ask(deed, xrpc.upload, { method: 'POST', headers, body })
  }

  async #ask(deed: string, path: string, init: RequestInit = {}): Promise<void> {
    const response = await this.#handler(new Request(`http://pds.example${path}`, init))
    const answer = [response.status, Object.fromEntries(response.headers), await response.text()]
    this.#seen.push([deed, answer])
  }

  async #call(deed: string, call: () => Promise<unknown>): Promise<void> {
    this.#seen.push([deed, await call().then((value) => value ?? null, told)])
  }
}

const asHer = { authorization: `Bearer ${alice}` }

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}

function told(error: unknown): unknown {
  if (!(error instanceof BlobStoreError)) throw error
  const { code, message, cid, did, backend, transient } = error
  return { code, message, cid, did, backend, transient }
}
