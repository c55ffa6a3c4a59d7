import { answer } from '../../../src/http/answer.ts'
import { chooseRange } from '../../../src/http/range.ts'
import { isReading, type Reply } from '../../../src/http/reply.ts'
import type { BlobRequest, Call } from '../../../src/http/request.ts'
import { routes } from '../../../src/http/routes.ts'
import type { BlobReading, BlobStore, ReadOptions, UploadOptions } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import { type Fuzzer, promise } from './fuzzer.ts'
import { anyText, mutateText } from './mutations.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const cid = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'
const space = 'at://did:plc:group/space/com.example.circle/friends'
const signal = new AbortController().signal

/** A store with one blob of this size, of a type that was written into the database directly. */
function storeOf(size: number, mimeType: string, uploads: UploadOptions[] = []): BlobStore {
  const stat = { cid, mimeType, size, createdAt: new Date(0), referenced: true, takenDown: false }
  const store: Pick<BlobStore, 'limits' | 'stat' | 'read' | 'upload'> = {
    limits: { maxBlobSize: 1000 } as BlobStore['limits'],
    stat: async () => stat,
    read: async (_did, _cid, { range }: ReadOptions = {}) =>
      ({ ...stat, range: typeof range === 'function' ? range(size) : range, chunks: null }) as unknown as BlobReading,
    upload: async (_did, _body, options = {}) => {
      uploads.push(options)
      return { $type: 'blob', ref: cid as never, mimeType: 'a/b', size: options.size ?? 0 }
    },
  }
  return store as BlobStore
}

function requestWith(method: string, headers: Record<string, string>, query: Record<string, string>): BlobRequest {
  return {
    ...{ method, path: '/', signal, body: null, query: new URLSearchParams(query) },
    header: (name) => headers[name] ?? null,
    authenticate: () => ({ did }),
    authorizeSpace: () => true,
  }
}

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
}

/** What every answer must be, whatever was asked. */
function checkReply({ status, headers, body }: Reply, embeddedBy = 'cross-origin'): void {
  promise(status >= 200 && status < 500, `status ${status}`)
  for (const [name, value] of Object.entries(headers)) {
    promise(/^[a-z-]+$/.test(name), `the name of a header: ${JSON.stringify(name)}`)
    promise(/^[\x20-\x7e]*$/.test(String(value)), `the header ${name}: ${JSON.stringify(value)}`)
  }
  for (const [name, value] of Object.entries(securityHeaders)) promise(headers[name] === value, `the header ${name}`)
  promise(headers['cross-origin-resource-policy'] === embeddedBy, 'cross-origin-resource-policy')
  promise(
    /^attachment(?:; filename="bafkrei[a-z2-7]{52}")?$/.test(String(headers['content-disposition'])),
    'disposition',
  )
  if (typeof body === 'string') promise(Buffer.byteLength(body) === Number(headers['content-length']), 'Content-Length')
}

const ranges = [
  'bytes=0-',
  'bytes=0-0',
  'bytes=-1',
  'bytes=-0',
  'bytes=5-9',
  'bytes=9-5',
  'bytes=0-1,3-4',
  'bytes=99999-',
]

function someRange(random: Random): string {
  if (random.chance(0.02)) return `bytes=${'0-1,'.repeat(random.below(20_000))}0-1`
  if (random.chance(0.3)) {
    const number = (): string => String(Math.floor(10 ** (random.next() * 20)) - 1).replace(/e.*/, '')
    return `bytes=${random.pick(['', number()])}-${random.pick(['', number()])}`
  }
  return mutateText(random, random.pick(ranges), ranges)
}

const range: Fuzzer = {
  name: 'range',
  make(random) {
    const header = someRange(random)
    const size = random.chance(0.1) ? 0 : Math.floor(10 ** (random.next() * 15.9))
    const tag = random.chance(0.5) ? `"${cid}"` : mutateText(random, `"${cid}"`, ['W/', '*', ','])
    const condition = random.pick(['if-range', 'if-match', 'if-none-match', 'x-none'])
    return {
      input: { header, size, [condition]: tag },
      async check() {
        const chosen = chooseRange(header, size)
        if (typeof chosen === 'object') {
          const { start, end } = chosen
          promise(Number.isSafeInteger(start) && Number.isSafeInteger(end), 'not whole numbers')
          promise(start >= 0 && start <= end && end < size, 'outside the blob')
          promise(!header.includes(',') && header.length <= 128, 'more than one range')
        }
        const request = requestWith('GET', { range: header, [condition]: tag }, { did, cid })
        const reply = await answer(routes.getBlob, { blobs: storeOf(size, 'image/png'), options: {}, request })
        checkReply(reply)
        checkLength(reply, size)
      },
    }
  },
}

/** Content-Length, Content-Range and the bytes that were opened are the same. */
function checkLength({ status, headers, body }: Reply, size: number): void {
  if (body === null || typeof body === 'string') {
    promise([304, 412, 416].includes(status), `status ${status}`)
    return
  }
  promise(isReading(body), 'no reading')
  const length = Number(headers['content-length'])
  if (status === 200) {
    promise(length === size && body.range === undefined, 'not the whole blob')
    return
  }
  const { start, end } = body.range ?? { start: -1, end: -1 }
  promise(status === 206 && length === end - start + 1, 'not the part')
  promise(headers['content-range'] === `bytes ${start}-${end}/${size}`, 'Content-Range')
}

const types = ['image/png', 'text/html', 'image/svg+xml', 'application/octet-stream\r\nSet-Cookie: a=b', '']

const header: Fuzzer = {
  name: 'header',
  make(random) {
    const mimeType = mutateText(random, random.pick(types), types)
    const query = {
      did: random.chance(0.7) ? did : mutateText(random, did),
      cid: random.chance(0.7) ? cid : mutateText(random, cid),
      space: random.chance(0.7) ? space : mutateText(random, space),
    }
    const method = random.chance(0.7) ? 'GET' : mutateText(random, random.pick(['GET', 'HEAD', 'OPTIONS', 'POST']))
    return {
      input: { mimeType, query, method },
      async check() {
        const request = requestWith(method, {}, { ...query, repo: query.did })
        const call = { blobs: storeOf(5, mimeType), options: {}, request }
        const [reply, ofSpace] = [await answer(routes.getBlob, call), await answer(routes.getSpaceBlob, call)]
        checkReply(reply)
        checkReply(ofSpace, 'same-origin')
        promise(/^(?:private, |no-store$|undefined$)/.test(String(ofSpace.headers['cache-control'])), 'cache-control')
        for (const { headers } of [reply, ofSpace]) {
          const type = String(headers['content-type'] ?? 'none')
          promise(/^[\x21-\x7e]+(?: charset=utf-8)?$/.test(type), 'Content-Type')
        }
      },
    }
  },
}

const lengths = ['0', '5', '1000', '1001', '+5', '-5', '5,5', '0x5', '5.0', '5e2', ' 5', '9007199254740993', '٥']

const contentLength: Fuzzer = {
  name: 'content-length',
  make(random) {
    const length = random.chance(0.1) ? String(random.below(2000)) : mutateText(random, random.pick(lengths), lengths)
    const coding = random.chance(0.5) ? 'identity' : mutateText(random, random.pick(['gzip', 'identity', 'gzip, br']))
    const type = random.chance(0.5) ? 'image/png' : anyText(random)
    const headers = { 'content-length': length, 'content-encoding': coding, 'content-type': type }
    return {
      input: headers,
      async check() {
        const uploads: UploadOptions[] = []
        const request = requestWith('POST', headers, {})
        const call: Call = { blobs: storeOf(0, '', uploads), options: {}, request }
        const reply = await answer(routes.uploadBlob, call)
        checkReply(reply)
        const isPlain = coding.split(',').every((one) => ['', 'identity'].includes(one.trim().toLowerCase()))
        const isNumber = length.length <= 15 && length.split('').every((c) => c >= '0' && c <= '9') && length !== ''
        const expected = !isPlain ? 415 : !isNumber ? 400 : Number(length) > 1000 ? 413 : 200
        promise(reply.status === expected, `${reply.status} instead of ${expected}`)
        promise(uploads.length === (expected === 200 ? 1 : 0), 'the store was called')
        if (expected === 200) promise(uploads[0]?.size === Number(length), 'another size')
      },
    }
  },
}

export const http: readonly Fuzzer[] = [range, header, contentLength]
