import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { alice, asAlice, openPlace, xrpc } from '../http/place.ts'
import { exchange, serve } from '../http/servers.ts'

// Rows 13 and 16 of the table of attacks, over the network. Fails when an encoding is decoded or ignored, when a header
// that occurs twice counts once, or when the limit is one byte off, in memory or in a spool.

const codings: string[][] = [
  ['gzip'],
  ['GZIP'],
  ['x-gzip'],
  ['br'],
  ['deflate'],
  ['zstd'],
  ['identity, gzip'],
  ['gzip, identity'],
  ['identity', 'gzip'],
  ['identity;q=0'],
  ['gzip\t'],
  [Array(64).fill('gzip').join(', ')],
  Array(64).fill('gzip'),
]

test('no encoding is decoded, however it is written, and nothing of the body is kept', async () => {
  const { blobs, files } = await openPlace()
  const { port } = await serve(blobs)
  const bomb = gzipSync(Buffer.alloc(5_000_000)) // 5 kB that are 5 MB
  const head = [
    `POST ${xrpc.upload} HTTP/1.1`,
    `Authorization: ${asAlice.authorization}`,
    `Content-Length: ${bomb.length}`,
  ]
  for (const coding of codings) {
    const answer = await exchange(port, [...head, ...coding.map((one) => `Content-Encoding: ${one}`)], bomb)
    expect(answer.split('\r\n')[0], coding.join(' | ').slice(0, 80)).toBe('HTTP/1.1 415 Unsupported Media Type')
  }
  expect(await files()).toEqual([])
  expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  const plain = await exchange(port, [...head, 'Content-Encoding: identity'], bomb)
  expect(plain.split('\r\n')[0]).toBe('HTTP/1.1 200 OK')
})

test('0, max − 1 and max bytes are accepted, max + 1 are not, declared or chunked, in memory or spooled', async () => {
  for (const max of [1, 1000, 1024 * 1024, 3_000_000]) {
    const { blobs } = await openPlace({ limits: { maxBlobSize: max } })
    const { origin } = await serve(blobs)
    for (const size of new Set([0, max - 1, max, max + 1])) {
      const bytes = Buffer.alloc(size, `${max}`)
      for (const chunked of [false, true]) {
        const body = chunked ? new Blob([bytes]).stream() : bytes
        const init = { method: 'POST', headers: asAlice, body, duplex: 'half' } as RequestInit
        const response = await fetch(origin + xrpc.upload, init)
        expect(response.status, `${size} of ${max}, ${chunked ? 'chunked' : 'declared'}`).toBe(size > max ? 413 : 200)
        await response.arrayBuffer()
      }
      const direct = await blobs.upload(alice, bytes).catch((error) => error.code)
      expect(size > max ? direct : direct.size).toBe(size > max ? 'PayloadTooLarge' : size)
    }
    expect((await blobs.usage(alice)).reserved).toBe(0)
  }
})

test('an empty blob is refused where the host says so', async () => {
  const { blobs } = await openPlace({ limits: { allowEmpty: false } })
  await expect(blobs.upload(alice, new Uint8Array())).rejects.toMatchObject({ code: 'InvalidSize' })
})
