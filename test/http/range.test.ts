import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chooseRange } from '../../src/http/range.ts'
import { createBlobHandler } from '../../src/http.ts'
import { alice, bytesOf, openPlace, query, tokens, xrpc } from './place.ts'
import { serve } from './servers.ts'

test('one range is served as RFC 9110 defines it', () => {
  const of = (header: string) => chooseRange(header, 500)
  expect(of('bytes=0-0')).toEqual({ start: 0, end: 0 })
  expect(of('bytes=0-499')).toEqual({ start: 0, end: 499 })
  expect(of('bytes=10-')).toEqual({ start: 10, end: 499 })
  expect(of('bytes=499-9999999999999999999999')).toEqual({ start: 499, end: 499 })
  expect(of('bytes=-1')).toEqual({ start: 499, end: 499 })
  expect(of('bytes=-501')).toEqual({ start: 0, end: 499 })
  expect(of('Bytes= 1-2 ')).toEqual({ start: 1, end: 2 })
})

test('several ranges, malformed ones and long ones get the whole blob', () => {
  const headers = [
    'bytes=0-1,3-4',
    `bytes=${'0-,'.repeat(10_000)}0-`,
    'bytes=5-2',
    'bytes=',
    'bytes=-',
    'bytes=--1',
    'bytes=a-b',
    'bytes=0x1-0x2',
    'bytes=1.0-2',
    'items=0-1',
    'bytes 0-1',
    'bytes =0-1',
    '',
    `bytes=0-${'1'.repeat(128)}`,
  ]
  for (const header of headers) expect(chooseRange(header, 500), header.slice(0, 40)).toBe('whole')
  expect(chooseRange(null, 500)).toBe('whole')
})

test('a range outside the blob cannot be satisfied, but an empty blob ignores ranges', () => {
  for (const header of ['bytes=500-', 'bytes=500-600', 'bytes=-0', 'bytes=99999999999999999999-']) {
    expect(chooseRange(header, 500), header).toBe('unsatisfiable')
  }
  for (const header of ['bytes=0-', 'bytes=-5', 'bytes=3-4']) expect(chooseRange(header, 0), header).toBe('whole')
})

const position = fc.oneof(fc.nat(12), fc.constantFrom('', '0', '00', '9007199254740993', '1e3', '-1', ' '))
const spec = fc.tuple(position, position).map(([first, last]) => `${first}-${last}`)
const header = fc.oneof(
  fc.array(spec, { minLength: 1, maxLength: 3 }).map((specs) => `bytes=${specs.join(',')}`),
  spec.map((one) => `bytes=${one}`),
  fc.string({ maxLength: 200 }),
)

test('whatever the header, the range is within the blob', () => {
  fc.assert(
    fc.property(header, fc.nat(12), (text, size) => {
      const range = chooseRange(text, size)
      if (typeof range === 'string') return
      expect(range.start).toBeGreaterThanOrEqual(0)
      expect(range.start).toBeLessThanOrEqual(range.end)
      expect(range.end).toBeLessThan(size)
    }),
    { numRuns: 20_000 },
  )
})

test('whatever the range, the body is as long as Content-Length says, and the bytes are those of the range', async () => {
  const { blobs, publish } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const bytes = bytesOf(10)
  const path = query(xrpc.get, { did: alice, cid: await publish(alice, bytes) })
  const sendable = header.filter((text) => /^[\x20-\x7e]*$/.test(text))
  await fc.assert(
    fc.asyncProperty(sendable, async (range) => {
      const response = await handler(new Request(`http://pds.example${path}`, { headers: { range } }))
      const body = new Uint8Array(await response.arrayBuffer())
      expect(body.length).toBe(Number(response.headers.get('content-length')))
      const where = /^bytes (\d+)-(\d+)\/10$/.exec(response.headers.get('content-range') ?? '')
      if (response.status === 200) expect(body).toEqual(bytes)
      else if (response.status === 206) expect(body).toEqual(bytes.slice(Number(where?.[1]), Number(where?.[2]) + 1))
      else expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */10'])
    }),
    { numRuns: 1000 },
  )
})

test('ranges of a large blob are served as requested over the network', async () => {
  const { blobs, publish } = await openPlace()
  const bytes = bytesOf(1_500_000)
  const { origin } = await serve(blobs)
  const url = origin + query(xrpc.get, { did: alice, cid: await publish(alice, bytes) })
  const edges = [0, 1, 262_143, 262_144, 262_145, 524_288, 1_499_999]
  for (const start of edges) {
    for (const end of edges.filter((edge) => edge >= start)) {
      const response = await fetch(url, { headers: { range: `bytes=${start}-${end}` } })
      expect(response.status).toBe(206)
      expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/1500000`)
      const body = Buffer.from(await response.arrayBuffer())
      expect(body.equals(bytes.subarray(start, end + 1)), `${start}-${end}`).toBe(true)
    }
  }
})
