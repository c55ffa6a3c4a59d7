import { isBlobRef as isTheirBlobRef, isLegacyBlobRef as isTheirLegacyBlobRef, parseCid } from '@atproto/lex-data'
import { jsonToLex, lexStringify } from '@atproto/lex-json'
import { decode, encode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { blobRefToJson, createBlobRef, isBlobRef, isLegacyBlobRef, parseBlobRef } from '../../src/blob/blob-ref.ts'
import { cidOfDigest, cidOfRecord } from '../../src/blob/cid.ts'
import { isBlobStoreError } from '../../src/errors.ts'
import { someCid } from './samples.ts'

const facts = { cid: someCid, mimeType: 'image/png', size: 3 }
const json = { $type: 'blob', ref: { $link: someCid }, mimeType: 'image/png', size: 3 }

const refused = (value: unknown): boolean => {
  try {
    parseBlobRef(value)
    return false
  } catch (error) {
    return isBlobStoreError(error, 'InvalidBlobRef')
  }
}

describe('a blob reference that was created', () => {
  const blob = createBlobRef(facts)

  test('is written by JSON.stringify as the protocol requires, and so is a copy of it', () => {
    expect(JSON.stringify(blob)).toBe(JSON.stringify(json))
    expect(JSON.stringify({ image: { ...blob } })).toBe(JSON.stringify({ image: json }))
    expect(lexStringify(blob)).toBe(JSON.stringify(json))
  })

  test('is written by dag-cbor with its link as tag 42', () => {
    const block = encode(blob)
    expect(Buffer.from(block).toString('hex')).toContain('d82a58250001551220')
    expect(parseBlobRef(decode(block))).toEqual(blob)
  })

  test('is accepted by the AT Protocol’s own libraries', () => {
    expect(isTheirBlobRef(blob)).toBe(true)
    expect(isTheirBlobRef({ ...blob })).toBe(true)
    expect(Object.keys(blob)).toEqual(['$type', 'ref', 'mimeType', 'size'])
  })

  test('survives JSON and dag-cbor for any digest, type and size', () => {
    const type = fc.stringMatching(/^[a-z0-9.+-]{1,20}\/[a-z0-9.+-]{1,20}$/)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), type, fc.maxSafeNat(), (digest, mimeType, size) => {
        const blob = createBlobRef({ cid: cidOfDigest(digest), mimeType, size })
        expect(parseBlobRef(JSON.parse(JSON.stringify(blob)))).toEqual(blob)
        expect(parseBlobRef(decode(encode(blob)))).toEqual(blob)
        expect(blobRefToJson(blob)).toEqual(JSON.parse(JSON.stringify(blob)))
      }),
    )
  })

  test('cannot have a CID, type or size that no blob has', () => {
    const made = (change: object) => () => createBlobRef({ ...facts, ...change })
    expect(made({ cid: someCid.toUpperCase() })).toThrow(expect.objectContaining({ code: 'InvalidCid' }))
    expect(made({ mimeType: 'png' })).toThrow(expect.objectContaining({ code: 'InvalidBlobRef' }))
    expect(made({ size: -1 })).toThrow(expect.objectContaining({ code: 'InvalidBlobRef' }))
  })
})

describe('a blob reference that is parsed', () => {
  test('may have the JSON form, CIDs of multiformats 13 or 14, or be a structured clone', () => {
    const blob = createBlobRef(facts)
    const theirs = jsonToLex(json)
    expect((theirs as { ref: unknown }).ref).not.toBeInstanceOf(CID)
    const forms = [json, blob, theirs, { ...json, ref: parseCid(someCid) }, structuredClone(blob)]
    forms.push(Object.assign(Object.create(null), json))
    expect(forms.map((form) => JSON.stringify(parseBlobRef(form)))).toEqual(forms.map(() => JSON.stringify(json)))
  })

  test('may reference the empty blob, and keeps the parameters of its type', () => {
    expect(parseBlobRef({ ...json, size: 0 }).size).toBe(0)
    expect(parseBlobRef({ ...json, mimeType: 'text/vtt; charset=utf-8' }).mimeType).toBe('text/vtt; charset=utf-8')
  })

  test('has exactly its four keys', () => {
    const { size: _, ...three } = json
    const odd = [three, { ...json, alt: '' }, { ...json, cid: someCid }, { ...json, extra: undefined }]
    odd.push(Object.defineProperty({ ...three, alt: '' }, 'size', { value: 3 }) as never)
    odd.push(JSON.parse(`{"__proto__": {}, ${JSON.stringify(json).slice(1)}`))
    expect(odd.filter((value) => !refused(value))).toEqual([])
  })

  test('has a size that is a number of bytes', () => {
    const sizes = [
      -1,
      -0,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      '3',
      3n,
      null,
      undefined,
      [3],
      { valueOf: () => 3 },
    ]
    expect(sizes.filter((size) => !refused({ ...json, size }))).toEqual([])
  })

  test('has a valid MIME type', () => {
    const types = [
      '',
      'png',
      '/',
      'image/',
      'a/b/c',
      'a b/c',
      'image/png\r\nx: y',
      'a/b;\n',
      `a/${'b'.repeat(128)}`,
      null,
      7,
      ['a/b'],
      new String('a/b'),
    ]
    expect(types.filter((mimeType) => !refused({ ...json, mimeType }))).toEqual([])
  })

  test('links to a blob, canonically', () => {
    const refs: unknown[] = [someCid, null, [], {}, { $link: someCid.toUpperCase() }, { $link: cidOfRecord({}) }]
    refs.push({ $link: CID.parse(someCid) }, { $link: [someCid] }, { $link: someCid, x: 1 }, { '/': someCid }, [
      { $link: someCid },
    ])
    refs.push(CID.parse(cidOfRecord({})), parseCid(cidOfRecord({})), CID.parse(someCid).bytes, {
      bytes: CID.parse(someCid).bytes,
    })
    refs.push({ bytes: 5, '/': 5 }, { bytes: null, '/': null }, Object.create({ $link: someCid }))
    expect(refs.filter((ref) => !refused({ ...json, ref }))).toEqual([])
  })

  test('is a plain object with properties of its own', () => {
    class Blob {
      $type = 'blob'
      ref = json.ref
      mimeType = json.mimeType
      size = json.size
    }
    const odd = [
      new Blob(),
      Object.create(json),
      [json],
      new Map(Object.entries(json)),
      JSON.stringify(json),
      null,
      undefined,
    ]
    expect(odd.filter((value) => !refused(value))).toEqual([])
  })

  test('is read without calling getters', () => {
    const trap = () => {
      throw new Error('called')
    }
    const forms = ['$type', 'ref', 'mimeType', 'size'].map((key) =>
      Object.defineProperty({ ...json }, key, { get: trap, enumerable: true }),
    )
    forms.push({ ...json, ref: Object.defineProperty({}, '$link', { get: trap, enumerable: true }) } as never)
    forms.push({
      ...json,
      ref: Object.defineProperties({}, { '/': { get: trap }, bytes: { get: trap }, asCID: { get: trap } }),
    } as never)
    expect(forms.filter((form) => !refused(form))).toEqual([])
    expect(forms.filter((form) => isBlobRef(form) || isLegacyBlobRef(form))).toEqual([])
  })

  test('is refused with what is wrong', () => {
    expect(() => parseBlobRef({ ...json, size: '3' })).toThrow('Not a blob reference: size is not a number of bytes')
  })
})

describe('distinguishing the forms', () => {
  const legacy = { cid: someCid, mimeType: 'image/png' }
  const blob = createBlobRef(facts)

  test('isBlobRef accepts only the form with a CID object', () => {
    const values = [blob, jsonToLex(json), json, legacy, {}, null]
    expect(values.map(isBlobRef)).toEqual([true, true, false, false, false, false])
  })

  test('isLegacyBlobRef accepts only the legacy form, as lex-data does', () => {
    const strongRef = { uri: 'at://did:plc:a/app.bsky.feed.post/3k', cid: someCid }
    const values = [
      legacy,
      blob,
      json,
      strongRef,
      { ...legacy, size: 3 },
      { ...legacy, cid: cidOfRecord({}) },
      { ...legacy, mimeType: '' },
      null,
    ]
    expect(values.map(isLegacyBlobRef)).toEqual([true, false, false, false, false, false, false, false])
    expect(values.map((value) => isTheirLegacyBlobRef(value))).toEqual(values.map(isLegacyBlobRef))
  })
})
