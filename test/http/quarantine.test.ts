import { expect, test } from 'vitest'
import { type BlobHandlerOptions, createBlobHandler } from '../../src/http.ts'
import { cidOfBytes } from '../../src/index.ts'
import { friends, post, postIn } from '../support/samples.ts'
import { begin, patch, serveTus } from '../tus/place.ts'
import { alice, asAlice, bytesOf, jsonOf, openPlace, type Place, query, tokens, xrpc } from './place.ts'

/** A place whose scanner wants to decide later. */
async function open(): Promise<Place> {
  const place = await openPlace()
  place.blobs.setHooks({ inspect: async () => ({ quarantine: 'scanner: not sure' }), onInaccessible: () => {} })
  return place
}

const handlers: Partial<BlobHandlerOptions>[] = [
  {},
  { redirect: { to: 'backend' } },
  { redirect: { to: 'file', location: '/pds-blobs/', above: 262_144, keepsSecurityHeaders: true } },
  { redirect: { to: 'cdn', url: ({ cid }) => `https://cdn.example/${cid}`, addsSecurityHeaders: true } },
]

test('a quarantined blob is uploaded as any other, and found by nobody until it is released', async () => {
  const place = await open()
  const { blobs } = place
  const bytes = bytesOf(300_000)
  const cid = cidOfBytes(bytes)
  const ask = (path: string, options: Partial<BlobHandlerOptions>, init?: RequestInit) =>
    createBlobHandler(blobs, { ...tokens, authorizeSpace: () => true, ...options })(
      new Request(`http://pds.example${path}`, init),
    )
  const headers = { ...asAlice, 'content-type': 'image/png' }
  const response = await ask(xrpc.upload, {}, { method: 'POST', headers, body: Buffer.from(bytes) })
  expect(response.status).toBe(200)
  const { blob } = await jsonOf(response)
  expect(blob).toEqual({ $type: 'blob', ref: { $link: cid }, mimeType: 'image/png', size: 300_000 })
  await post(blobs, alice, 'a', blob)
  await postIn(friends, blobs, alice, 'a', blob)

  const ways = [query(xrpc.get, { did: alice, cid }), query(xrpc.getInSpace, { space: friends, repo: alice, cid })]
  const absent = cidOfBytes(bytesOf(10))
  const answerOf = async (response: Response) =>
    [response.status, await response.text(), JSON.stringify([...response.headers])].join(' ').replaceAll(absent, cid)
  const inits: RequestInit[] = [
    {},
    { method: 'HEAD' },
    { headers: { range: 'bytes=0-9' } },
    { headers: { 'if-none-match': `"${cid}"` } },
    { headers: asAlice },
  ]
  for (const options of handlers) {
    for (const init of inits) {
      for (const way of ways) {
        const answer = await answerOf(await ask(way, options, init))
        expect(answer).toMatch(/^404 /)
        expect(answer).toBe(await answerOf(await ask(way.replace(cid, absent), options, init)))
      }
    }
  }
  for (const list of [query(xrpc.list, { did: alice }), query(xrpc.listSpace, { space: friends, repo: alice })]) {
    expect((await jsonOf(await ask(list, {}))).cids).toEqual([])
  }
  expect((await jsonOf(await ask(xrpc.missing, {}, { headers: asAlice }))).blobs).toEqual([])

  await blobs.reverseTakedown(alice, cid)
  for (const way of ways) expect(Buffer.from(await (await ask(way, {})).arrayBuffer()).equals(bytes)).toBe(true)
})

test('an upload over tus is quarantined too', async () => {
  const { blobs } = await open()
  const { origin } = await serveTus(blobs)
  const bytes = bytesOf(100)
  const url = await begin(origin, { 'upload-length': '100' })
  const last = await patch(url, 0, bytes)
  expect(last.status).toBe(204)
  await post(blobs, alice, 'a', JSON.parse(last.headers.get('atproto-blob') ?? ''))
  expect(await blobs.stat(alice, cidOfBytes(bytes))).toBeNull()
  expect((await blobs.listTakedowns({ quarantined: true })).items).toMatchObject([{ cid: cidOfBytes(bytes) }])
})
