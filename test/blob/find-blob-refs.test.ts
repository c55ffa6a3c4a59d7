import { BlobRef as LexiconBlobRef } from '@atproto/api'
import { enumBlobRefs, getBlobCidString, parseCid } from '@atproto/lex-data'
import { jsonToLex } from '@atproto/lex-json'
import { encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { createBlobRef } from '../../src/blob/blob-ref.ts'
import { cidOfBytes, cidOfRecord } from '../../src/blob/cid.ts'
import { findBlobRefs } from '../../src/blob/find-blob-refs.ts'
import { isBlobStoreError } from '../../src/errors.ts'
import { someCid } from './samples.ts'

const cids = Array.from({ length: 6 }, (_, n) => cidOfBytes(Uint8Array.of(n)))
const blobJson = (cid: string, mimeType = 'image/png', size = 3) => ({
  $type: 'blob',
  ref: { $link: cid },
  mimeType,
  size,
})

/** `InvalidBlobRef`'s message, `found` when the record was searched, or what else happened. */
function outcomeOf(record: unknown): string {
  try {
    findBlobRefs(record)
    return 'found'
  } catch (error) {
    return isBlobStoreError(error, 'InvalidBlobRef') ? error.message : `unexpected: ${error}`
  }
}

const post = {
  $type: 'app.bsky.feed.post',
  text: 'two cats',
  reply: { root: { uri: 'at://did:plc:a/app.bsky.feed.post/3k', cid: cidOfRecord({}) } },
  embed: {
    $type: 'app.bsky.embed.images',
    images: [
      { alt: '', image: blobJson(cids[0] as string) },
      { alt: '', image: blobJson(cids[1] as string, 'Image/JPEG; q=1', 0) },
    ],
  },
  'a/b~c': [[blobJson(cids[0] as string)]],
  thumb: { cid: cids[2], mimeType: 'image/GIF' },
}
const found = [
  { cid: cids[0], mimeType: 'image/png', size: 3, path: '/embed/images/0/image' },
  { cid: cids[1], mimeType: 'image/jpeg', size: 0, path: '/embed/images/1/image' },
  { cid: cids[0], mimeType: 'image/png', size: 3, path: '/a~1b~0c/0/0' },
  { cid: cids[2], mimeType: 'image/gif', size: undefined, path: '/thumb' },
]

describe('the blobs of a record', () => {
  test('are found in the order of the record, each as often as it is referenced', () => {
    expect(findBlobRefs(post)).toEqual(found)
  })

  test('are the same with CID objects and in a dag-cbor block', () => {
    expect(findBlobRefs(jsonToLex(post))).toEqual(found)
    const byCid = (one: { path: string }, other: { path: string }) => one.path.localeCompare(other.path)
    expect(findBlobRefs(encode(jsonToLex(post))).sort(byCid)).toEqual(found.toSorted(byCid))
  })

  test('are found when the record itself is one, and none where there is none', () => {
    expect(findBlobRefs(createBlobRef({ cid: someCid, mimeType: 'a/b', size: 1 }))).toMatchObject([
      { cid: someCid, path: '' },
    ])
    expect(findBlobRefs({})).toEqual([])
    expect(findBlobRefs(encode({ text: 'hello' }))).toEqual([])
  })

  test('are not strong references, links, bytes or other metadata of IPFS', () => {
    const others = {
      subject: { uri: 'at://did:plc:a/b/c', cid: someCid },
      link: { $link: someCid },
      object: parseCid(someCid),
      bytes: new TextEncoder().encode(JSON.stringify(blobJson(someCid))),
      text: JSON.stringify(blobJson(someCid)),
      schema: { type: 'blob', accept: ['image/*'] },
      nft: { cid: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG', mimeType: 'image/png' },
      [Symbol('blob')]: blobJson(someCid),
      nothing: undefined,
    }
    expect(findBlobRefs(others)).toEqual([])
  })

  test("are those that the protocol's own library finds", () => {
    const cid = fc.constantFrom(...cids)
    const leaf = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      cid.map((cid) => blobJson(cid)),
      cid.map((cid) => ({ cid, mimeType: 'a/b' })),
      cid.map(($link) => ({ $link })),
      cid.map((cid) => ({ uri: 'at://a', cid })),
    )
    const { record } = fc.letrec((tie) => ({
      record: fc.oneof(
        { maxDepth: 6 },
        leaf,
        fc.array(tie('record')),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('record'),
        ),
      ),
    }))
    fc.assert(
      fc.property(record, (value) => {
        const lex = jsonToLex({ value } as never)
        const theirs = [...enumBlobRefs(lex, { allowLegacy: true })].map((blob) => getBlobCidString(blob))
        expect(
          findBlobRefs({ value })
            .map(({ cid }) => cid)
            .sort(),
        ).toEqual(theirs.sort())
        expect(
          findBlobRefs(encode(lex))
            .map(({ cid }) => cid)
            .sort(),
        ).toEqual(theirs.sort())
      }),
      { numRuns: 500 },
    )
  })
})

describe('a record that is refused', () => {
  test('has a broken blob reference, and the error says where', () => {
    const at = (blob: unknown) => outcomeOf({ embed: { images: [{ image: blob }] } })
    const where = '(at /embed/images/0/image)'
    const blob = blobJson(someCid)
    const broken = [
      { $type: 'blob' },
      { ...blob, size: -1 },
      { ...blob, alt: '' },
      { ...blob, ref: { $link: someCid.toUpperCase() } },
    ]
    broken.push({ ...blob, ref: CID.parse(cidOfRecord({})) as never }, { ...blob, mimeType: 'png' }, {
      cid: someCid,
      mimeType: 'png',
    } as never)
    expect(broken.map(at).filter((message) => !message.includes('broken') || !message.endsWith(where))).toEqual([])
    expect(outcomeOf(encode({ embed: { $type: 'blob', size: 2n ** 60n } }))).toContain('(at /embed)')
  })

  test('hides a part of itself in a getter, which is not called', () => {
    const record = Object.defineProperty({}, 'embed', {
      enumerable: true,
      get: () => {
        throw new Error('called')
      },
    })
    expect(outcomeOf({ record })).toContain('there is a getter (at /record/embed)')
  })

  test('holds an instance of a class, whose toJSON is not called', () => {
    const trap = {
      toJSON: () => {
        throw new Error('called')
      },
    }
    expect(findBlobRefs({ trap })).toEqual([])
    const instances = [
      new Date(),
      new Map(),
      new (class Record {})(),
      Object.create(blobJson(someCid)),
      new ArrayBuffer(8),
    ]
    const ref = parseCid(someCid)
    // As the class `BlobRef` of @atproto/lexicon, but not it.
    const alike = new (class Alike {
      ref = ref
      mimeType = 'image/png'
      size = 3
      original = blobJson(someCid)
    })()
    const extended = Object.assign(new LexiconBlobRef(ref as never, 'image/png', 3), { more: blobJson(someCid) })
    expect(
      [...instances, alike, extended]
        .map((embed) => outcomeOf({ embed }))
        .filter((message) => !message.includes('instance of a class')),
    ).toEqual([])
  })

  test('is nested too deeply, or in itself, whatever the form', () => {
    const nested = (levels: number) => {
      let value: unknown = {}
      for (let level = 0; level < levels; level += 1) value = level % 2 ? { value } : [value]
      return value
    }
    const cyclic: Record<string, unknown> = {}
    cyclic.self = [cyclic]
    expect(outcomeOf(nested(128))).toBe('found')
    expect(
      [nested(129), nested(100_000), cyclic]
        .map(outcomeOf)
        .filter((message) => !message.includes('nested more than 128')),
    ).toEqual([])
    expect(outcomeOf(Buffer.alloc(1_000_000, 0x81))).toContain('not a valid dag-cbor block')
  })

  test('has more values or bytes than any record', () => {
    const wide = Array.from({ length: 1100 }, () => Array.from({ length: 1000 }, () => 0))
    expect(
      [wide, new Array(4_000_000_000)]
        .map(outcomeOf)
        .filter((message) => !message.includes('more than 1048576 values')),
    ).toEqual([])
    expect(outcomeOf(new Uint8Array(3_000_000))).toContain('bytes')
    expect(outcomeOf(new Array(1_000_000).fill(0))).toBe('found')
  })

  test('is not a record at all', () => {
    const odd = ['{"text":"hello"}', undefined, null, 7, Uint8Array.of(0xff), new Uint8Array(), Buffer.from('{}')]
    expect(
      odd.map(outcomeOf).filter((message) => !message.startsWith("Cannot read the record's blob references")),
    ).toEqual([])
  })

  test('cannot break a line of a log with its keys, or flood it', () => {
    const message = outcomeOf({ 'a\r\nb': { ['x'.repeat(10_000)]: { $type: 'blob' } } })
    expect(message).toMatch(/\(at …x+\)$/)
    expect(outcomeOf({ 'a\r\nb': { $type: 'blob' } })).toMatch(/\(at \/a\?\?b\)$/)
    expect(message.length).toBeLessThan(500)
  })
})

describe('random JSON', () => {
  test('with __proto__ and other hostile keys changes no prototype, and hides nothing', () => {
    const key = fc.constantFrom(
      '__proto__',
      'constructor',
      'prototype',
      'toJSON',
      '$type',
      'ref',
      '$link',
      'cid',
      'mimeType',
      'size',
      'then',
      'a',
    )
    const value = fc.oneof(fc.constantFrom('blob', someCid, 'image/png', '__proto__'), fc.integer(), fc.constant(null))
    const entries = (inner: fc.Arbitrary<string>) =>
      fc
        .uniqueArray(fc.tuple(key, inner), { selector: ([key]) => key })
        .map((all) => `{${all.map(([key, text]) => `"${key}":${text}`).join()}}`)
    const { json } = fc.letrec<{ json: string }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        value.map((value) => JSON.stringify(value)),
        fc.constant(JSON.stringify(blobJson(someCid))),
        entries(tie('json')),
        fc.array(tie('json')).map((all) => `[${all.join()}]`),
      ),
    }))
    fc.assert(
      fc.property(json, (text) => {
        const record = { value: JSON.parse(text) }
        const outcome = outcomeOf(record)
        expect(outcome).not.toContain('unexpected')
        if (outcome === 'found') {
          const named = text.split('{"$type":"blob","ref":{"$link":').length - 1
          expect(findBlobRefs(record).filter(({ size }) => size !== undefined).length).toBeGreaterThanOrEqual(named)
        }
      }),
      { numRuns: 2000 },
    )
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>).$type).toBeUndefined()
  })

  test('has the blobs under __proto__ found, as JSON and as dag-cbor', () => {
    const record = JSON.parse(`{"__proto__": ${JSON.stringify(blobJson(someCid))}}`)
    expect(findBlobRefs(record)).toMatchObject([{ cid: someCid, path: '/__proto__' }])
    const block = Buffer.from(
      Buffer.from(encode({ xxproto__: createBlobRef({ cid: someCid, mimeType: 'a/b', size: 1 }) }))
        .toString('latin1')
        .replace('xxproto__', '__proto__'),
      'latin1',
    )
    expect(findBlobRefs(block)).toMatchObject([{ cid: someCid, path: '/__proto__' }])
  })
})

test('a broken reference of an old repository may be skipped, and those around it are still found', () => {
  const record = {
    avatar: { ...blobJson(cids[0] as string), size: -1 },
    banner: blobJson(cids[1] as string),
    old: { cid: cids[2], mimeType: 'no type' },
  }
  expect(() => findBlobRefs(record)).toThrow(/\/avatar/)
  expect(findBlobRefs(record, { broken: 'skip' }).map(({ cid }) => cid)).toEqual([cids[1]])
})
