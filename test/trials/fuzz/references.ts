import { decode, encode } from '@ipld/dag-cbor'
import { type BlobRef, createBlobRef, isBlobRef, parseBlobRef } from '../../../src/blob/blob-ref.ts'
import { cidOfDigest, isBlobCid } from '../../../src/blob/cid.ts'
import { type FoundBlobRef, findBlobRefs } from '../../../src/blob/find-blob-refs.ts'
import { parseMimeType } from '../../../src/blob/mime.ts'
import type { Random } from '../../support/random.ts'
import { type Fuzzer, outcome, promise } from './fuzzer.ts'
import { anyText, mutateBytes, mutateText } from './mutations.ts'

const keys = [
  '$type',
  'ref',
  '$link',
  'mimeType',
  'size',
  'cid',
  '__proto__',
  'constructor',
  'toJSON',
  'then',
  '/',
  'a/b~',
]

function someRef(random: Random): BlobRef {
  const mimeType = random.pick(['image/png', 'text/plain; charset=utf-8', 'a/b'])
  return createBlobRef({ cid: cidOfDigest(random.bytes(32)), mimeType, size: random.below(1_000_000) })
}

/** As JSON text, so that `__proto__` is a key like any other. */
function someJson(random: Random, depth = 0): string {
  const kind = random.below(depth > 5 ? 5 : 9)
  if (kind === 0) return random.pick(['null', 'true', '-0', '1e400', '9007199254740993', '1.5', '"blob"', '{}', '[]'])
  if (kind === 1) return JSON.stringify(anyText(random, 12))
  if (kind < 5)
    return JSON.stringify(random.chance(0.3) ? { ...someRef(random), [random.pick(keys)]: 1 } : someRef(random))
  const inner = Array.from({ length: random.below(4) }, () => someJson(random, depth + 1))
  if (kind === 5) return `[${inner}]`
  return `{${inner.map((one) => `${JSON.stringify(random.chance(0.8) ? random.pick(keys) : anyText(random, 8))}:${one}`)}}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The links of everything that claims to be a blob reference, outermost first, by the shortest program that finds them.
 */
function linksByHand(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  if (!Array.isArray(value) && Object.hasOwn(value, '$type') && (value as { $type: unknown }).$type === 'blob') {
    const { ref } = value as { ref: { $link?: unknown; toString(): string } }
    return [ref.$link ?? ref.toString()]
  }
  return Object.entries(value).flatMap(([, inner]) => (isLink(inner) ? [] : linksByHand(inner)))
}

const isLink = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'asCID' in value && !('$type' in value)

function check(record: unknown): FoundBlobRef[] {
  const found = outcome(() => findBlobRefs(record))
  if ('code' in found) promise(found.code === 'InvalidBlobRef', `its code is ${found.code}`)
  const lenient = outcome(() => findBlobRefs(record, { broken: 'skip' }))
  if ('value' in found) promise('value' in lenient, 'refused when broken ones may be skipped')
  for (const one of [found, lenient]) for (const ref of 'value' in one ? one.value : []) checkFound(ref)
  promise(Object.keys(Object.prototype).length === 0 && ({} as { $type?: unknown }).$type === undefined, 'polluted')
  return 'value' in found ? found.value : []
}

function checkFound({ cid, mimeType, size, path }: FoundBlobRef): void {
  promise(isBlobCid(cid), 'an invalid CID')
  promise(parseMimeType(mimeType) === mimeType, 'an invalid type')
  promise(size === undefined || (Number.isSafeInteger(size) && size >= 0), 'an invalid size')
  promise(path.length <= 201 && !/\p{Cc}/u.test(path), 'a path that breaks lines')
}

const json: Fuzzer = {
  name: 'references',
  make(random) {
    const text = random.chance(0.5) ? someJson(random) : mutateText(random, someJson(random))
    return {
      input: text,
      check() {
        const record = parsed(text)
        const found = check(record).filter(({ size }) => size !== undefined)
        if (found.length === 0) return
        const links = linksByHand(record)
        promise(
          links.length === found.length && links.every((link, at) => link === found[at]?.cid),
          'other references are found',
        )
      },
    }
  },
}

const odd = [
  'null',
  '-1',
  '-0',
  '1.5',
  '1e400',
  '9007199254740993',
  '"1"',
  'true',
  '{}',
  '[]',
  '"blob"',
  '"a"',
  '"a/b\\n"',
]

/** The reference with a key more, a key less, or another value, inside or outside its link. */
function otherwise(random: Random, json: string): string {
  const key = `${JSON.stringify(random.pick(keys))}:${random.pick(odd)}`
  if (random.chance(0.3)) return json.replace('{', `{${key},`)
  if (random.chance(0.3)) return json.replace('"}', `",${key}}`)
  if (random.chance(0.2)) return json.replace(/,"\w+":/, ',"a":')
  const value = random.pick([/"blob"/, /"bafk\w+"/, /"[a-z]+\/[^"]*"/, /\d+(?=\}$)/, /\{"\$link[^}]+\}/])
  return json.replace(value, random.pick(odd))
}

const one: Fuzzer = {
  name: 'reference',
  make(random) {
    const json = JSON.stringify(someRef(random))
    const text = random.chance(0.5) ? otherwise(random, json) : mutateText(random, json, [json])
    return {
      input: text,
      check() {
        const value = parsed(text)
        const ref = outcome(() => parseBlobRef(value))
        if ('code' in ref) return promise(ref.code === 'InvalidBlobRef', `its code is ${ref.code}`)
        promise(isBlobRef(ref.value) && !isBlobRef(value), 'not a reference in memory')
        const own = Object.keys(value as object).sort()
        promise(own.join() === '$type,mimeType,ref,size', `accepted with the keys ${own}`)
        promise(
          JSON.stringify(parseBlobRef(JSON.parse(JSON.stringify(ref.value)))) === JSON.stringify(ref.value),
          'JSON',
        )
      },
    }
  },
}

const cbor: Fuzzer = {
  name: 'cbor',
  make(random) {
    const record = { a: someRef(random), list: [someRef(random), { b: anyText(random, 10) }], n: random.below(1e9) }
    const block = random.chance(0.1) ? deep(random) : mutateBytes(random, encode(record))
    return {
      input: block,
      check() {
        const found = check(block)
        if (found.length === 0) return
        const again = outcome(() => findBlobRefs(decode(block)))
        promise('value' in again && JSON.stringify(again.value) === JSON.stringify(found), 'different after decoding')
      },
    }
  },
}

/** Nesting, and wrong lengths. */
function deep(random: Random): Uint8Array {
  const head = random.pick([0x81, 0x9b, 0xbb, 0x5b, 0x7b, 0x9a, 0xba, 0xd8, 0xa1, 0xf9, 0xfb])
  return Uint8Array.from([...new Uint8Array(random.below(3000)).fill(head), ...random.bytes(random.below(20))])
}

export const references: readonly Fuzzer[] = [json, one, cbor]
