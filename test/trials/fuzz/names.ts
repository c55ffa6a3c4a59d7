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
import { assertScope, assertTid, isDid } from '../../../src/blob/identifiers.ts'
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

const scopeOrRevision: Fuzzer = {
  name: 'scope',
  make(random) {
    const text = random.chance(0.3)
      ? anyText(random)
      : mutateText(random, random.pick(['public', 'space:at://did:plc:a/x', '3jzfcijpj2z2a']))
    return {
      input: text,
      check() {
        const scope = outcome(() => assertScope('scope', text))
        promise('value' in scope === /^[a-zA-Z0-9._:/-]{1,512}(?![\s\S])/.test(text), 'scope')
        const tid = outcome(() => assertTid('rev', text))
        if ('value' in tid) promise(/^[2-7a-z]{13}(?![\s\S])/.test(text), 'revision')
        for (const one of [scope, tid]) promise('value' in one || one.code === 'InvalidArgument', 'its code')
      },
    }
  },
}

export const names: readonly Fuzzer[] = [cid, did, scopeOrRevision]
