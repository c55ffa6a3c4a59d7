import { BlobStoreError } from '../errors.ts'
import { octetStream, parseMimeType } from './mime.ts'
import { refines, snifferSpelling } from './mime-refinements.ts'
import { canSniff } from './sniff.ts'

/**
 * - `sniffed`: what the bytes are wins; a declared type that sniffing would have known, but did not find, is refused;
 *   else the declared type stands, and `application/octet-stream` is the last resort.
 * - `agree`: both are known and equal.
 * - `declared`: the declared type stands, unlooked at.
 *
 * Some honest types sniff as a neighbour: an M4V as MP4, a document as ZIP. Under the first two the declared type
 * stands inside such a pair, and another name of the sniffed type (`image/jpg`) is equal to it.
 */
export type MimePolicy = 'sniffed' | 'agree' | 'declared'

/**
 * The type under which a blob is stored: `declared` is what the client says (a Content-Type as it came, or null),
 * `sniffed` what `sniffMimeType` found. `application/octet-stream` and ranges such as `image/*` declare nothing.
 *
 * @throws `InvalidMimeType` when `declared` is no MIME type, or when the policy refuses the two
 *
 * @example
 * ```ts
 * import { effectiveMimeType } from 'pds-blobstore'
 *
 * effectiveMimeType({ declared: 'image/png', sniffed: 'image/jpeg', policy: 'sniffed' }) // 'image/jpeg'
 * ```
 */
export function effectiveMimeType(types: {
  declared: string | null
  sniffed: string | null
  policy: MimePolicy
}): string {
  const { sniffed, policy } = types
  const declared = types.declared === null ? null : readDeclared(types.declared)
  if (policy === 'declared') return declared ?? octetStream

  const claim = declared === null ? null : snifferSpelling(declared)
  if (claim !== null && sniffed !== null && (claim === sniffed || refines(claim, sniffed))) return claim
  if (policy === 'agree') {
    refuse(`it was declared as ${declared ?? 'nothing'}, but the bytes are ${sniffed ?? 'of unknown type'}`)
  }
  if (sniffed !== null) return sniffed
  if (claim !== null && canSniff(claim)) refuse(`the bytes are not ${declared}; declare what they are, or nothing`)
  return declared ?? octetStream
}

function readDeclared(value: string): string | null {
  const type = parseMimeType(value)
  if (type === null) refuse('the declared type is not of the form type/subtype')
  return type.includes('*') ? null : type
}

function refuse(problem: string): never {
  throw new BlobStoreError('InvalidMimeType', `Refused the blob: ${problem}`)
}
