import { expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { cidOfBytes, createBlobRef } from '../../src/index.ts'
import { alice, asAlice, bob, bytesOf, jsonOf, openPlace, query, tokens, xrpc } from './place.ts'

async function ask(
  handler: (request: Request) => Promise<Response>,
  path: string,
  headers: Record<string, string> = {},
) {
  const response = await handler(new Request(`http://pds.example${path}`, { headers }))
  return { status: response.status, body: await jsonOf(response) }
}

test('listBlobs returns the CIDs that records reference, page by page, and no cursor on the last', async () => {
  const { blobs, publish } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const cids = new Set<string>()
  for (let i = 0; i < 5; i++) cids.add(await publish(alice, bytesOf(10)))
  await publish(bob, bytesOf(10))
  await blobs.upload(alice, bytesOf(10)) // temporary
  const listed: string[] = []
  let cursor: string | undefined
  do {
    const page = await ask(handler, query(xrpc.list, { did: alice, limit: '2', ...(cursor ? { cursor } : {}) }))
    expect(page.status).toBe(200)
    expect(page.body.cids.length).toBeLessThanOrEqual(2)
    listed.push(...page.body.cids)
    cursor = page.body.cursor
  } while (cursor)
  expect(listed).toHaveLength(5)
  expect(new Set(listed)).toEqual(cids)
  const all = await ask(handler, query(xrpc.list, { did: alice }))
  expect(all.body).toEqual({ cids: listed })
})

test('listBlobs since a revision omits what was there before', async () => {
  const { blobs, publish } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const cid = await publish(alice, bytesOf(10))
  const since = async (rev: string) => (await ask(handler, query(xrpc.list, { did: alice, since: rev }))).body.cids
  expect(await since('3jzfcijpj2z2a')).toEqual([])
  expect(await since('3jzfcijpj2222')).toEqual([cid])
})

test('parameters of the lists are checked', async () => {
  const { blobs } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  for (const limit of ['0', '1001', '-1', '1.5', 'ten', '1e2', '', ' 5', '99999']) {
    const { status, body } = await ask(handler, query(xrpc.list, { did: alice, limit }))
    expect([status, body.error], limit).toEqual([400, 'InvalidRequest'])
  }
  for (const params of [{ since: 'yesterday' }, { cursor: 'x'.repeat(5000) }, { cursor: '../../etc' }]) {
    const { status, body } = await ask(handler, query(xrpc.list, { did: alice, ...params }))
    expect([status, body.error], JSON.stringify(params).slice(0, 50)).toEqual([400, 'InvalidRequest'])
  }
  for (const limit of ['1', '1000']) {
    expect((await ask(handler, query(xrpc.list, { did: alice, limit }))).status).toBe(200)
  }
})

test('listBlobs of an account that is not active is refused', async () => {
  const { blobs } = await openPlace()
  const handler = createBlobHandler(blobs, {
    ...tokens,
    accountStatus: (did) => (did === alice ? 'deactivated' : null),
  })
  expect((await ask(handler, query(xrpc.list, { did: alice }))).body.error).toBe('RepoDeactivated')
  expect((await ask(handler, query(xrpc.list, { did: bob }))).body.error).toBe('RepoNotFound')
})

test('listMissingBlobs returns what the requester’s records expect, and requires authentication', async () => {
  const { blobs } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const bytes = bytesOf(10)
  const cid = cidOfBytes(bytes)
  const blob = createBlobRef({ cid, mimeType: 'image/png', size: 10 })
  const uri = `at://${alice}/app.example.post/1`
  await blobs.applyWrites(alice, [{ action: 'create', uri, record: { blob } }], {
    rev: '3jzfcijpj2z2a',
    missing: 'expect',
  })
  expect(await ask(handler, xrpc.missing, asAlice)).toEqual({
    status: 200,
    body: { blobs: [{ cid, recordUri: uri }] },
  })
  expect((await ask(handler, xrpc.missing, { authorization: `Bearer ${bob}` })).body).toEqual({ blobs: [] })
  expect((await ask(handler, xrpc.missing)).status).toBe(401)
  await blobs.upload(alice, bytes, { mimeType: 'image/png' })
  expect((await ask(handler, xrpc.missing, asAlice)).body).toEqual({ blobs: [] })
})
