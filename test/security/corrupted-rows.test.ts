import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { query, tokens, xrpc } from '../http/place.ts'
import { hostPlace } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'

// Rows 3 and 8 of the table of attacks: an attacker can write to the database. Fails when the type is written into a
// header as the row has it, or when the size of the bytes is not compared with that of the row.

const hostile = [
  'text/html\r\nSet-Cookie: session=evil',
  'text/html\n\n<script>alert(1)</script>',
  'image/png\0',
  'image/png\x7f',
  'image/png\u0085',
  'image/png\u2028x',
  'text/html, image/png',
  'text',
  '/',
  '',
  ' ',
  `image/${'x'.repeat(5000)}`,
  'image /png',
  'ïmage/png',
  '"text/html"',
]

test('a type that was corrupted in the database becomes application/octet-stream, and no header', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  const ref = await blobs.upload(alice, bytes('hello'), { mimeType: 'text/plain' })
  await post(blobs, alice, 'a', ref)
  const handler = createBlobHandler(blobs, tokens)
  const url = `http://pds.example${query(xrpc.get, { did: alice, cid: ref.ref.toString() })}`
  for (const type of hostile) {
    await sql`update blobstore_blob set mime_type = ${type}`.execute(db as never)
    for (const init of [{}, { method: 'HEAD' }, { headers: { range: 'bytes=1-2' } }]) {
      const response = await handler(new Request(url, init))
      expect([200, 206]).toContain(response.status)
      expect(response.headers.get('content-type'), JSON.stringify(type)).toBe('application/octet-stream')
      expect(response.headers.has('set-cookie')).toBe(false)
      await response.arrayBuffer()
    }
  }
})

test('a size that was corrupted in the database is not returned, and reveals nothing', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  const ref = await blobs.upload(alice, bytes('hello'), { mimeType: 'text/plain' })
  await post(blobs, alice, 'a', ref)
  const errors: unknown[] = []
  const handler = createBlobHandler(blobs, { ...tokens, onError: (error) => errors.push(error) })
  const url = `http://pds.example${query(xrpc.get, { did: alice, cid: ref.ref.toString() })}`
  for (const size of [4, 6, 0, 1e15]) {
    await sql`update blobstore_blob set size = ${size}`.execute(db as never)
    const response = await handler(new Request(url))
    expect([response.status, await response.json()]).toEqual([
      500,
      { error: 'InternalServerError', message: 'Internal Server Error' },
    ])
  }
  expect(errors).toHaveLength(4)
})
