import { BlobStoreError } from '../errors.ts'
import { octetStream, parseMimeType } from './mime.ts'
import { isUnmarked, refines, snifferSpelling } from './mime-refinements.ts'
import { saysSomething } from './same-type.ts'
import { canSniff } from './sniff/can-sniff.ts'
import { isWeaklyMarked } from './sniff/false-marks.ts'
import { isTextType } from './sniff/text-types.ts'

/**
 * - `sniffed`: the sniffed type wins; a declared type that sniffing would have recognized, but did not, is refused;
 *   otherwise the declared type is stored, or `application/octet-stream` if there is none.
 * - `agree`: both are known and equal.
 * - `declared`: the declared type is stored as it was written, unchecked.
 *
 * With the first two, another name of a type (`image/jpg`) counts as that type and is stored under the sniffer's name,
 * even if nothing was sniffed. Some correctly declared types sniff as a related type: an M4V as MP4, a document as ZIP.
 * Then the declared type is stored.
 */
export type MimePolicy = 'sniffed' | 'agree' | 'declared'

/** What is known of a blob's type. `SniffedHead` has the last three. */
export interface KnownTypes {
  /** The client's declaration: a Content-Type as it arrived, or null. */
  declared: string | null
  policy: MimePolicy
  /** The result of `sniffMimeType`. */
  sniffed: string | null
  /** Other types that the bytes may correctly be called. @default none */
  also?: readonly string[] | undefined
  /** Whether the first bytes are text; then a declared text type is accepted. @default false */
  isText?: boolean | undefined
}

/**
 * The type under which a blob is stored. As in browsers (mimesniff), a declaration that is not a MIME type counts as
 * none. So do `application/octet-stream` and its like, ranges such as `image/*`, and the types of forms.
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
    if (claim !== null && canSniff(claim)) refuse(`the bytes are not ${named}; declare their type, or none`)
    return claim ?? octetStream
  }
  return claim !== null && isWeaklyMarked(sniffed) && isUnmarked(claim) ? claim : sniffed
}

/** The type that a client declares, as `parseMimeType` returns it. Null for a range, or if it is not a MIME type. */
export function readDeclared(value: string): string | null {
  const type = parseMimeType(value)
  return type?.includes('*') ? null : type
}

function isOne(claim: string, sniffed: string): boolean {
  return claim === sniffed || refines(claim, sniffed)
}

/**
 * Whether it is text that may begin with any letters, so that the letters of a mark prove nothing. Images and sounds
 * made of text (SVG) are not.
 */
function isProse(type: string): boolean {
  return isTextType(type) && !/^(?:image|audio|video)\//.test(type)
}

function refuse(problem: string): never {
  throw new BlobStoreError('InvalidMimeType', `Refused the blob: ${problem}`)
}
