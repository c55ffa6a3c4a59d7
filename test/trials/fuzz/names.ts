import { base32 } from 'multiformats/bases/base32'
import { base36 } from 'multiformats/bases/base36'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { create as createDigest } from 'multiformats/hashes/digest'
import { cidOfKey, keyOf } from '../../../src/backend/key.ts'
import {
  blobCidOfBinary,
  cidOfDigest,
  digestOfCid,
  isBlobCid,
  parseBlobCid,
  toCidObject,
} from '../../../src/blob/cid.ts'
import { assertTid, isDid } from '../../../src/blob/identifiers.ts'
import { isSpaceUri, placeOfRecord } from '../../../src/blob/spaces.ts'
import type { Random } from '../../support/random.ts'
import { type Fuzzer, outcome, promise } from './fuzzer.ts'
import { anyText, mutateBytes, mutateText } from './mutations.ts'

/** Spellings of a CID, including the canonical one. */
function spelling(random: Random): string {
  const cid = toCidObject(cidOfDigest(random.bytes(32)))
  switch (random.below(8)) {
    case 0:
      return cid.toString(base58btc)
    case 1:
      return cid.toString(base36)
    case 2:
      return CID.createV0(cid.multihash as never).toString()
    case 3:
      return CID.createV1(random.pick([0x55, 0x70, 0x71, 0]), createDigest(0x13, random.bytes(64))).toString()
    case 4:
      return CID.createV1(0x55, createDigest(0, Buffer.from('../../../etc/passwd'))).toString()
    default:
      return cid.toString()
  }
}

/** One letter of many is replaced by another of the alphabet; the others may be changed in any way. */
function someCid(random: Random): string {
  const text = spelling(random)
  if (random.chance(0.05)) return text
  if (random.chance(0.6)) return mutateText(random, text, [spelling(random)])
  const at = random.pick([random.below(text.length), text.length - 1, 7])
  return text.slice(0, at) + random.pick('abcdefghijklmnopqrstuvwxyz234567'.split('')) + text.slice(at + 1)
}

/** Checked with another library's parser: CIDv1, raw, sha-256, and it writes the same spelling. */
function isCanonical(text: string): boolean {
  if (text.length > 100) return false
  try {
    const { version, code, multihash } = CID.parse(text)
    const { code: hash, digest } = multihash
    if (version !== 1 || code !== 0x55 || hash !== 0x12 || digest.length !== 32) return false
    return base32.encode(CID.createV1(code, createDigest(hash, digest)).bytes) === text
  } catch {
    return false
  }
}

const cid: Fuzzer = {
  name: 'cid',
  make(random) {
    const text = someCid(random)
    const binary = mutateBytes(random, Uint8Array.from([1, 0x55, 0x12, 32, ...random.bytes(32)]))
    return {
      input: { text, binary },
      check() {
        promise(isBlobCid(text) === isCanonical(text), 'accepted, but not canonical')
        const parsed = outcome(() => parseBlobCid(text))
        promise('value' in parsed ? parsed.value === text : parsed.code === 'InvalidCid', 'parsed to something else')
        if ('value' in parsed) promise(cidOfDigest(digestOfCid(text)) === text, 'lost in the conversion to its digest')
        const key = `${text.slice(0, 200)}.1-aaaaaaaaaaaaaaaa`
        promise((cidOfKey(key) === null) === !isBlobCid(text), 'a key without a CID')

        const isBlob = binary.length === 36 && Buffer.from(binary.subarray(0, 4)).toString('hex') === '01551220'
        const ofBinary = blobCidOfBinary(binary)
        promise((ofBinary !== null) === isBlob, 'binary form')
        if (ofBinary !== null) {
          promise(isCanonical(ofBinary), 'the binary form has another spelling')
          promise(cidOfKey(keyOf(ofBinary, '1-abcdefghijklmnop')) === ofBinary, 'its key')
        }
      },
    }
  },
}

const dids = [
  'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
  'did:web:example.com',
  'did:web:localhost%3A3000',
  'did:key:zQ3shZc2QzApp2oymGvQbzP8eKheVshBHbU4ZYjeXqwSKEn6N',
  'did:method:val:two:three',
]

const between = (character: string, from: string, to: string): boolean => character >= from && character <= to

/** The grammar again, letter by letter. */
function isDidByHand(text: string): boolean {
  if (text.length > 2048 || !text.startsWith('did:')) return false
  const colon = text.indexOf(':', 4)
  if (colon <= 4 || colon === text.length - 1) return false
  if ([...text.slice(4, colon)].some((letter) => letter.length !== 1 || !between(letter, 'a', 'z'))) return false
  const inner = (c: string): boolean =>
    c.length === 1 && (between(c, 'a', 'z') || between(c, 'A', 'Z') || between(c, '0', '9') || '._:%-'.includes(c))
  return [...text.slice(colon + 1)].every(inner) && !text.endsWith(':') && !text.endsWith('%')
}

const did: Fuzzer = {
  name: 'did',
  make(random) {
    const base = random.pick(dids)
    const text = random.chance(0.05) ? base.padEnd(2040 + random.below(16), 'a') : mutateText(random, base, dids)
    return {
      input: text,
      check() {
        promise(isDid(text) === isDidByHand(text), 'accepted, but not in the grammar')
        if (isDid(text)) promise(!/[/\\?#\s"'<>\0]/.test(text) && text.length <= 2048, 'would leave its folder')
      },
    }
  },
}

const spaceOrRevision: Fuzzer = {
  name: 'space',
  make(random) {
    const text = random.chance(0.3)
      ? anyText(random)
      : mutateText(random, random.pick(['public', 'at://did:plc:a/space/com.example.forum/self', '3jzfcijpj2z2a']))
    return {
      input: text,
      check() {
        const isSpace = isSpaceUri(text)
        promise(!isSpace || looksAsSpace(text), 'space')
        const place = placeOfRecord(`${text}/did:plc:b/com.example.post/1`)
        promise(isSpace === (place?.space === text && place.did === 'did:plc:b'), 'record in it')
        const tid = outcome(() => assertTid('rev', text))
        if ('value' in tid) promise(/^[2-7a-z]{13}(?![\s\S])/.test(text), 'revision')
        promise('value' in tid || tid.code === 'InvalidArgument', 'its code')
      },
    }
  },
}

/** Said in another way than the library says it. */
function looksAsSpace(text: string): boolean {
  const [scheme, empty, did, word, type = '', key = '', ...more] = text.split('/')
  const isKey = key.length > 0 && key.length <= 512 && !/[^A-Za-z0-9._:~-]/.test(key) && key !== '.' && key !== '..'
  const isType = type.split('.').length > 2 && type.length <= 317 && !/[^A-Za-z0-9.-]/.test(type)
  return scheme === 'at:' && empty === '' && isDid(did) && word === 'space' && isType && isKey && more.length === 0
}

export const names: readonly Fuzzer[] = [cid, did, spaceOrRevision]
