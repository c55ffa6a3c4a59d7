import { parseCid } from '@atproto/lex-data'
import fc from 'fast-check'
import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { describe, expect, test } from 'vitest'
import {
  blobCidOfBinary,
  cidOfBytes,
  cidOfDigest,
  cidOfRecord,
  cidOfStream,
  digestOfCid,
  isBlobCid,
  parseBlobCid,
  toCidObject,
} from '../../src/blob/cid.ts'
import { isBlobStoreError } from '../../src/errors.ts'
import { emptyCid, someCid } from './samples.ts'

const someObject = CID.parse(someCid)

const oddSpellings: Record<string, string> = {
  'upper case': someCid.toUpperCase(),
  'upper case inside': `bafkrei${someCid.slice(7).toUpperCase()}`,
  'one letter in upper case': someCid.replace('j', 'J'),
  base58: someObject.toString(base58btc),
  base36: someObject.toString(base36),
  CIDv0: CID.createV0(someObject.multihash as never).toString(),
  'dag-cbor': cidOfRecord({}),
  'dag-pb': CID.createV1(0x70, someObject.multihash).toString(),
  'identity hash with a path': CID.createV1(0x55, createDigest(0, Buffer.from('../../etc/passwd'))).toString(),
  'sha-512': CID.createV1(0x55, createDigest(0x13, new Uint8Array(64))).toString(),
  padding: `${someCid}=`,
  'padding in place': `${someCid.slice(0, -1)}=`,
  'last letter with spare bits': `${someCid.slice(0, -1)}5`,
  'eighth letter that no digest has': `bafkreiz${someCid.slice(8)}`,
  NUL: `${someCid.slice(0, -1)}\0`,
  'NUL behind': `${someCid}\0`,
  'line feed behind': `${someCid}\n`,
  'space before': ` ${someCid}`,
  'path before': `../${someCid}`,
  'ipfs URI': `ipfs://${someCid}`,
  hexadecimal: `bafkrei${Buffer.from(digestOfCid(someCid)).toString('hex')}`,
  'full-width letters': someCid.replace('b', 'ｂ'),
  empty: '',
  'one letter short': someCid.slice(0, -1),
  '1 MB': someCid.padEnd(1_000_000, 'a'),
  '1 MB of digits': '2'.repeat(1_000_000),
}

function codeOf(call: () => unknown): string {
  try {
    call()
    return 'accepted'
  } catch (error) {
    return isBlobStoreError(error) ? error.code : String(error)
  }
}

describe('the spelling of a CID', () => {
  test('the canonical one is accepted', () => {
    expect(parseBlobCid(someCid)).toBe(someCid)
    expect(isBlobCid(emptyCid)).toBe(true)
  })

  test('every other one is refused', () => {
    const answers = Object.entries(oddSpellings).map(([name, text]) => [
      name,
      isBlobCid(text),
      codeOf(() => parseBlobCid(text)),
    ])
    expect(answers).toEqual(Object.keys(oddSpellings).map((name) => [name, false, 'InvalidCid']))
  })

  test('a value that is neither a string nor a CID is refused', () => {
    const odd = [undefined, null, 7, {}, [], [someCid], { bytes: 5, '/': 5 }, { bytes: someCid }, new String(someCid)]
    expect(odd.map((value) => codeOf(() => parseBlobCid(value as never)))).toEqual(odd.map(() => 'InvalidCid'))
  })

  test('a mutation is accepted only if it is the canonical spelling of its own bytes', () => {
    const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567ABZ0189=-_./\0\n é')
    const mutation = fc.tuple(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.nat(59),
      fc.nat(2),
      letter,
      fc.boolean(),
    )
    fc.assert(
      fc.property(mutation, ([digest, at, removed, put, twice]) => {
        const cid = cidOfDigest(digest)
        const mutant = cid.slice(0, at) + put + (twice ? put : '') + cid.slice(at + removed)
        if (isBlobCid(mutant)) {
          expect(mutant).toBe(cidOfDigest(base32.decode(mutant).subarray(4)))
          expect(mutant).toBe(CID.parse(mutant).toV1().toString(base32))
        }
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('CID objects', () => {
  test('those of multiformats 13 are accepted', () => {
    const theirs = parseCid(someCid)
    expect(theirs).not.toBeInstanceOf(CID)
    expect(parseBlobCid(theirs)).toBe(someCid)
  })

  test('one that was parsed from another spelling has the canonical one', () => {
    const odd = CID.parse(`bafkrei${someCid.slice(7).toUpperCase()}`)
    expect(odd.toString()).not.toBe(someCid)
    expect(parseBlobCid(odd)).toBe(someCid)
  })

  test('one that lies about its spelling is not trusted', () => {
    const liar = { bytes: CID.parse(cidOfRecord({})).bytes, toString: () => someCid }
    expect(codeOf(() => parseBlobCid(liar))).toBe('InvalidCid')
  })

  test('those of another codec or hash are refused', () => {
    const others = [
      cidOfRecord({}),
      oddSpellings['sha-512'],
      oddSpellings.CIDv0,
      oddSpellings['identity hash with a path'],
    ]
    expect(others.map((text) => codeOf(() => parseBlobCid(CID.parse(text as string))))).toEqual(
      others.map(() => 'InvalidCid'),
    )
  })

  test('survive the conversion to bytes and digest and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
        const cid = cidOfDigest(digest)
        expect(isBlobCid(cid)).toBe(true)
        expect(digestOfCid(cid)).toEqual(digest)
        expect(toCidObject(cid).toString()).toBe(cid)
        expect(blobCidOfBinary(toCidObject(cid).bytes)).toBe(cid)
      }),
    )
  })
})

describe('the CID of bytes', () => {
  test('is that of the specification', () => {
    expect(cidOfBytes(new Uint8Array())).toBe(emptyCid)
    expect(cidOfBytes(new TextEncoder().encode('hello'))).toBe(
      'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq',
    )
  })

  test('does not depend on how a stream is cut', async () => {
    const parts = [new Uint8Array([1, 2]), new Uint8Array(), new Uint8Array([3])]
    expect(await cidOfStream(parts)).toBe(cidOfBytes(new Uint8Array([1, 2, 3])))
  })

  test('of a record is never that of a blob', () => {
    const cid = cidOfRecord({ text: 'hello' })
    expect(cid).toMatch(/^bafyrei/)
    expect(isBlobCid(cid)).toBe(false)
  })
})
