import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { type AccountStatus, createBlobHandler, type SpaceAccess } from '../../src/http.ts'
import { createImageHandler, imageRouter } from '../../src/images.ts'
import type { StatOptions } from '../../src/index.ts'
import { alice, jsonOf, query, tokens, xrpc } from '../http/place.ts'
import { listen } from '../http/servers.ts'
import { openImages, picture } from '../images/place.ts'
import { friends, post, postIn, work } from '../support/samples.ts'

// Who sees what, as a table: each state of a blob, each reader, each way to ask. Red when one condition is left out anywhere.

const [A, B] = [friends, work]

/** Where a blob is named, and what it is to those who ask by public records, by those in A and by those in B. */
const states = {
  temporary: { public: 404, A: 404, B: 404 },
  public: { public: 200, A: 404, B: 404 },
  'in A': { public: 404, A: 200, B: 404 },
  'in A and public': { public: 200, A: 200, B: 404 },
  'in A and B': { public: 404, A: 200, B: 200 },
  'taken down': { public: 404, A: 404, B: 404 },
  'of a deactivated account': { public: 400, A: 400, B: 400 },
} as const
type State = keyof typeof states

/** Whom the host lets into a space; 200 means in. */
const readers = {
  public: { A: 401, B: 401 },
  owner: { A: 200, B: 200 },
  'member of A': { A: 200, B: 403 },
  'member of B': { A: 403, B: 200 },
  moderator: { A: 200, B: 200 },
} as const
type Reader = keyof typeof readers

const dids: Record<Exclude<Reader, 'public'>, string> = {
  owner: alice,
  'member of A': 'did:plc:bob',
  'member of B': 'did:plc:carol',
  moderator: 'did:plc:moderator',
}

/** What the store gives to each reader's own question; 1 is a blob, 0 none. */
const views: Record<Reader, StatOptions> = {
  public: {},
  owner: { as: 'account' },
  'member of A': { space: A },
  'member of B': { space: B },
  moderator: { as: 'moderator' },
}
const inStore: Record<State, Record<Reader, 0 | 1>> = {
  temporary: { public: 0, owner: 1, 'member of A': 0, 'member of B': 0, moderator: 1 },
  public: { public: 1, owner: 1, 'member of A': 0, 'member of B': 0, moderator: 1 },
  'in A': { public: 0, owner: 1, 'member of A': 1, 'member of B': 0, moderator: 1 },
  'in A and public': { public: 1, owner: 1, 'member of A': 1, 'member of B': 0, moderator: 1 },
  'in A and B': { public: 0, owner: 1, 'member of A': 1, 'member of B': 1, moderator: 1 },
  'taken down': { public: 0, owner: 0, 'member of A': 0, 'member of B': 0, moderator: 1 },
  // The host decides who of its accounts is served; the store does not know.
  'of a deactivated account': { public: 1, owner: 1, 'member of A': 1, 'member of B': 0, moderator: 1 },
}

const reader = (request: Request): Reader => {
  const did = (request.headers.get('authorization') ?? '').split(' ')[1]
  return (Object.keys(dids) as (keyof typeof dids)[]).find((name) => dids[name] === did) ?? 'public'
}
const authorizeSpace = (request: Request, { space }: SpaceAccess): boolean =>
  readers[reader(request)][space === A ? 'A' : 'B'] === 200

/** A server of each adapter, and a blob in that state. */
async function setUp(adapter: 'web' | 'node', state: State) {
  const { blobs, images } = await openImages()
  const blob = await blobs.upload(alice, await picture(40, 30).png().toBuffer(), { mimeType: 'image/png' })
  const cid = blob.ref.toString()
  const isHidden = state === 'taken down' || state === 'of a deactivated account' // else it would be in both
  if (state.includes('public') || isHidden) await post(blobs, alice, 'a', blob)
  if (state.includes('in A') || isHidden) await postIn(A, blobs, alice, 'a', blob)
  if (state.includes('and B')) await postIn(B, blobs, alice, 'a', blob)
  if (state === 'taken down') await blobs.takedown(alice, cid)
  const accountStatus = (): AccountStatus => (state === 'of a deactivated account' ? 'deactivated' : 'active')
  const serving = { accountStatus, authorizeSpace }
  let ask: (path: string, init: RequestInit) => Promise<Response>
  if (adapter === 'node') {
    const router = blobRouter(blobs, { ...tokens, ...serving })
    const imagesOf = imageRouter(images, serving)
    const { origin } = await listen(createServer((req, res) => router(req, res, () => imagesOf(req, res))))
    ask = (path, init) => fetch(origin + path, init)
  } else {
    const handlers = [createBlobHandler(blobs, { ...tokens, ...serving }), createImageHandler(images, serving)] as const
    ask = (path, init) => handlers[path.startsWith('/img') ? 1 : 0](new Request(`http://pds.example${path}`, init))
  }
  return { blobs, images, cid, ask }
}

describe.each(['web', 'node'] as const)('over HTTP (%s)', (adapter) => {
  test.each(Object.keys(states) as State[])(
    'a blob that is %s is seen by those who may see it, and by no other',
    async (state) => {
      const { cid, ask } = await setUp(adapter, state)
      for (const who of Object.keys(readers) as Reader[]) {
        const headers: Record<string, string> = who === 'public' ? {} : { authorization: `Bearer ${dids[who]}` }
        for (const by of ['public', 'A', 'B'] as const) {
          const space = { public: undefined, A, B }[by]
          const door = by === 'public' ? 200 : readers[who][by]
          const found = door === 200 ? states[state][by] : door
          const [get, list] = space ? [xrpc.getInSpace, xrpc.listSpace] : [xrpc.get, xrpc.list]
          const owner = space ? { space, repo: alice } : { did: alice }
          const image = `/img/avatar/plain/${alice}/${cid}${space ? `?${new URLSearchParams({ space })}` : ''}`
          const asked: [way: string, ok: number, path: string, init: RequestInit][] = [
            ['getBlob', 200, query(get, { ...owner, cid }), {}],
            ['HEAD', 200, query(get, { ...owner, cid }), { method: 'HEAD' }],
            ['Range', 206, query(get, { ...owner, cid }), { headers: { range: 'bytes=0-3' } }],
            ['304', 304, query(get, { ...owner, cid }), { headers: { 'if-none-match': `"${cid}"` } }],
            ['variant', 200, image, {}],
            ['variant, HEAD', 200, image, { method: 'HEAD' }],
            ['variant, 304', 304, image, { headers: { 'if-none-match': '*' } }],
          ]
          for (const [way, ok, path, init] of asked) {
            const response = await ask(path, { ...init, headers: { ...init.headers, ...headers } })
            const what = `${state}, ${who}, by ${by}, ${way}`
            expect(response.status, what).toBe(found === 200 ? ok : found)
            const isPrivate = response.headers.get('cache-control') === 'private, no-cache, no-transform'
            expect(isPrivate, what).toBe(space !== undefined && found === 200)
            await response.arrayBuffer()
          }
          const response = await ask(query(list, owner), { headers })
          const what = `${state}, ${who}, by ${by}, listed`
          expect(response.status, what).toBe(found === 404 ? 200 : found)
          const { cids = [] } = await jsonOf(response)
          expect(cids, what).toEqual(found === 200 ? [cid] : [])
        }
      }
    },
  )
})

test.each(Object.keys(states) as State[])(
  'in the store a blob that is %s is there for those who may see it',
  async (state) => {
    const { blobs, images, cid } = await setUp('web', state)
    for (const who of Object.keys(readers) as Reader[]) {
      const [view, expected] = [views[who], inStore[state][who] === 1]
      const what = `${state}, ${who}`
      expect((await blobs.stat(alice, cid, view)) !== null, what).toBe(expected)
      expect((await blobs.presign(alice, cid, view)) !== null, what).toBe(expected)
      const read = blobs.read(alice, cid, view).then((reading) => reading.bytes())
      expect(
        await read.then(
          () => true,
          () => false,
        ),
        what,
      ).toBe(expected)
      if (view.as) continue // variants are for the public and for spaces
      const made = images.variant(alice, cid, 'avatar', view.space ? { space: view.space } : {})
      expect(
        await made.then(
          () => true,
          () => false,
        ),
        what,
      ).toBe(expected)
    }
  },
)
