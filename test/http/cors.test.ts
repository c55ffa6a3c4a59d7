import { expect, test } from 'vitest'
import { type BlobHandlerOptions, createBlobHandler } from '../../src/http.ts'
import { alice, openPlace, query, tokens, xrpc } from './place.ts'

const preflight = {
  method: 'OPTIONS',
  headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
}

/** Which methods let other origins in. */
async function allowed(cors: BlobHandlerOptions['cors']): Promise<string[]> {
  const { blobs } = await openPlace()
  const handler = createBlobHandler(blobs, { ...tokens, authorizeSpace: () => true, cors })
  const names: string[] = []
  for (const [name, path] of Object.entries(xrpc)) {
    const before = await handler(new Request(`http://x${path}`, preflight))
    const after = await handler(new Request(`http://x${query(path, { did: alice })}`))
    expect(before.status).toBe(204)
    expect(before.headers.get('access-control-allow-methods') !== null).toBe(
      before.headers.has('access-control-allow-origin'),
    )
    expect(before.headers.has('access-control-allow-origin')).toBe(after.headers.has('access-control-allow-origin'))
    expect(after.headers.has('access-control-allow-credentials')).toBe(false)
    if (after.headers.get('access-control-allow-origin') === '*') names.push(name)
  }
  return names
}

test('pages of other origins may read public data, unless the host says otherwise', async () => {
  expect(await allowed(undefined)).toEqual(['get', 'list'])
  expect(await allowed('public')).toEqual(['get', 'list'])
  expect(await allowed('all')).toEqual(['upload', 'get', 'list', 'missing', 'getInSpace', 'listSpace'])
  expect(await allowed('none')).toEqual([])
})

test('a preflight needs no authentication, opens nothing, and allows the token', async () => {
  const { blobs } = await openPlace()
  const authenticate = () => {
    throw new Error('asked')
  }
  const handler = createBlobHandler(blobs, { authenticate, cors: 'all' })
  const response = await handler(new Request(`http://x${xrpc.upload}`, preflight))
  expect(response.status).toBe(204)
  expect(await response.text()).toBe('')
  expect(response.headers.get('allow')).toBe('POST, PATCH, GET, HEAD, DELETE, OPTIONS')
  expect(response.headers.get('access-control-allow-methods')).toBe('POST, PATCH, GET, HEAD, DELETE')
  expect(response.headers.get('access-control-allow-headers')).toContain('authorization')
})
