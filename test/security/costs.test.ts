import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isBlobCid } from '../../src/blob/cid.ts'
import { mimeTypeOfFileName } from '../../src/blob/file-name.ts'
import { findBlobRefs } from '../../src/blob/find-blob-refs.ts'
import { assertTid, isDid } from '../../src/blob/identifiers.ts'
import { matchesAccept, parseMimeType } from '../../src/blob/mime.ts'
import { isSpaceUri, placeOfRecord } from '../../src/blob/spaces.ts'
import { failsMatch, isNotModified, rangeHolds } from '../../src/http/conditions.ts'
import { splitUrl } from '../../src/http/node/request.ts'
import { chooseRange } from '../../src/http/range.ts'
import type { BlobRequest } from '../../src/http/request.ts'
import { decodeCursor } from '../../src/metadata/queries/list-referenced.ts'

// Rows 25 and 28 of the table of attacks: input that costs the sender little and the server much. Fails when a regular
// expression backtracks, or when the whole input is processed once for each of its parts.

const length = 100_000
const parts = [
  'a',
  'A',
  '0',
  '-',
  ':',
  '%',
  '/',
  '.',
  ' ',
  '\t',
  ',',
  '=',
  ';',
  '"',
  '\\',
  '*',
  '~',
  '_',
  '\n',
  '\0',
  'ï',
  '"a",',
]
const heads = [
  '',
  'did:',
  'did:a:',
  'bytes=',
  'bytes=0-',
  'bytes= \t',
  'bafkrei',
  'a/',
  'a/b',
  'a/b;',
  'a/b ',
  'http://',
  '3',
  '"',
  'W/"',
  '.',
]

/** Long repetitions after the beginning of a valid input, and before an end that makes it invalid. */
const worst: string[] = heads.flatMap((head) =>
  parts.flatMap((part) => ['', '!', '\n', '\0'].map((tail) => head + part.repeat(length / part.length) + tail)),
)

/** The least of up to fifty, in milliseconds: other load on this machine is no property of the input. */
function timeOf(call: () => unknown, enough = 5): number {
  let least = Number.POSITIVE_INFINITY
  for (let again = 0; again < 50 && least > enough; again++) {
    const start = performance.now()
    try {
      call()
    } catch {
      // refused: that is cheap too
    }
    least = Math.min(least, performance.now() - start)
  }
  return least
}

const asked = (header: string): BlobRequest => ({ header: () => header }) as unknown as BlobRequest
const tag = '"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"'

const readers: Record<string, (text: string) => unknown> = {
  DID: isDid,
  CID: isBlobCid,
  space: isSpaceUri,
  'record URI': placeOfRecord,
  revision: (text) => assertTid('', text),
  type: parseMimeType,
  accept: (text) => matchesAccept(text, ['image/*']),
  'file name': mimeTypeOfFileName,
  cursor: (text) => decodeCursor('own', text),
  range: (text) => chooseRange(text, 1000),
  address: splitUrl,
}

/** Node accepts 16 KB of a header. */
const headers: Record<string, (text: string) => unknown> = {
  'If-None-Match': (text) => isNotModified(asked(text), tag),
  'If-Match': (text) => failsMatch(asked(text), tag),
  'If-Range': (text) => rangeHolds(asked(text), tag),
}

function slowest(read: (text: string) => unknown, most: number): [time: number, text: string][] {
  const times = worst.map((text): [number, string] => [timeOf(() => read(text.slice(0, most))), text.slice(0, 30)])
  return times.filter(([time]) => time > 5)
}

test.each(Object.entries(readers))('100 KB of the worst input are read within 5 ms: %s', (_name, read) => {
  expect(slowest(read, Number.POSITIVE_INFINITY)).toEqual([])
})

test.each(Object.entries(headers))('the worst header is read within 5 ms: %s', (_name, read) => {
  expect(slowest(read, 16_384)).toEqual([])
})

describe('every regular expression of the source', () => {
  const root = join(import.meta.dirname, '../../src')
  const literal = /(?<=[=(,:?&|!]\s*)\/((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)/g
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      readFileSync(join(root, name), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line))
        .flatMap((line) => [...line.matchAll(literal)])
        .map(([, source = '', flags = '']): [string, RegExp] => [
          `${name} /${source}/${flags}`,
          new RegExp(source, flags),
        ]),
    )

  test('is linear in 100 KB of the worst input', () => {
    expect(found.length).toBeGreaterThan(10)
    const slow = found.flatMap(([where, expression]) =>
      worst
        .filter((text) => timeOf(() => text.replace(expression, '')) > 20)
        .map((text) => `${where} ${text.slice(0, 30)}`),
    )
    expect(slow).toEqual([])
  })
})

describe('a record of 1 MiB', () => {
  const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  const ref = { $type: 'blob', ref: { $link: cid }, mimeType: 'a/b', size: 0 }

  function nested(value: unknown, depth: number, key: string): unknown {
    let record = value
    for (let level = 0; level < depth; level++) record = { [key]: record }
    return JSON.parse(JSON.stringify(record))
  }

  test.each([
    ['references', Array(6500).fill(ref)],
    ['empty objects', Array(350_000).fill({})],
    ['empty arrays', Array(350_000).fill([])],
    ['references that are broken', Array(6500).fill({ ...ref, size: '1' })],
    ['one object of many keys', Object.fromEntries(Array.from({ length: 90_000 }, (_, n) => [`k${n}`, 0]))],
  ])('of %s is searched in time', (_name, value) => {
    const record = nested({ value }, 1, 'a')
    expect(JSON.stringify(record).length).toBeLessThan(1_100_000)
    expect(timeOf(() => findBlobRefs(record, { broken: 'skip' }), 1000)).toBeLessThan(5000)
  })

  test('with references at deep paths, below long keys, is searched in time', { timeout: 60_000 }, () => {
    const record = nested(Array(5000).fill(ref), 120, '/'.repeat(200))
    const start = performance.now()
    findBlobRefs(record)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
