import { BlobStoreError } from '../errors.ts'
import { octetStream, parseMimeType } from './mime.ts'
import { isUnmarked, refines, snifferSpelling } from './mime-refinements.ts'
import { saysSomething } from './same-type.ts'
import { canSniff } from './sniff/can-sniff.ts'
import { isWeaklyMarked } from './sniff/false-marks.ts'
import { isTextType } from './sniff/text-types.ts'

/**
 * - `sniffed`: what the bytes are wins; a declared type that sniffing would have known, but did not find, is refused;
 *   else the declared type stands, and `application/octet-stream` is the last resort.
 * - `agree`: both are known and equal.
 * - `declared`: the declared type stands as it was written, unlooked at.
 *
 * Under the first two, another name of a type (`image/jpg`) is that type, and is stored by the name that the sniffer has
 * for it, whether or not anything was sniffed. And some honest types sniff as a neighbour: an M4V as MP4, a document as
 * ZIP. Inside such a pair the declared type stands.
 */
export type MimePolicy = 'sniffed' | 'agree' | 'declared'

/** What is known of a blob's type. `SniffedHead` has the last three. */
export interface KnownTypes {
  /** What the client says: a Content-Type as it came, or null. */
  declared: string | null
  policy: MimePolicy
  /** What `sniffMimeType` found. */
  sniffed: string | null
  /** What else the bytes may honestly be called. @default none */
  also?: readonly string[] | undefined
  /** Whether the first bytes are text; then a declared type of text stands. @default false */
  isText?: boolean | undefined
}

/**
 * The type under which a blob is stored. What is no MIME type declares nothing, as in a browser (mimesniff);
 * `application/octet-stream` and its like, ranges such as `image/*`, and the types of forms declare nothing either.
 *
 * @throws `InvalidMimeType` when the policy refuses the two
 *
 * @example
 * ```ts
 * import { effectiveMimeType } from 'pds-blobstore'
 *
 * effectiveMimeType({ declared: 'image/png', sniffed: 'image/jpeg', policy: 'sniffed' }) // 'image/jpeg'
 * ```
 */
export function effectiveMimeType({ declared, policy, sniffed, also = [], isText = false }: KnownTypes): string {
  const named = declared === null ? null : readDeclared(declared)
  if (policy === 'declared') return named ?? octetStream

  const claim = named !== null && saysSomething(named) ? snifferSpelling(named) : null
  if (claim !== null && [sniffed, ...also].some((one) => one !== null && isOne(claim, one))) return claim
  if (policy === 'agree') {
    refuse(`it was declared as ${named ?? 'nothing'}, but the bytes are ${sniffed ?? 'of unknown type'}`)
  }
  if (claim !== null && isText && isProse(claim)) return claim
  if (sniffed === null) {
    if (claim !== null && canSniff(claim)) refuse(`the bytes are not ${named}; declare what they are, or nothing`)
    return claim ?? octetStream
  }
  return claim !== null && isWeaklyMarked(sniffed) && isUnmarked(claim) ? claim : sniffed
}

/** The type that a client declares, as `parseMimeType` gives it. What is no MIME type, or a range, declares none. */
export function readDeclared(value: string): string | null {
  const type = parseMimeType(value)
  return type?.includes('*') ? null : type
}

function isOne(claim: string, sniffed: string): boolean {
  return claim === sniffed || refines(claim, sniffed)
}

/** Text that may begin with any letters, so that those of a mark prove nothing. Pictures and sounds of text do not. */
function isProse(type: string): boolean {
  return isTextType(type) && !/^(?:image|audio|video)\//.test(type)
}

function refuse(problem: string): never {
  throw new BlobStoreError('InvalidMimeType', `Refused the blob: ${problem}`)
}
