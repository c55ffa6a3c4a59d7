import type { ByteRange } from '../backend/backend.ts'
import { XrpcError } from './errors.ts'

/** @throws 416 `InvalidRange` */
export function rangeOf(header: string | null, size: number): ByteRange | undefined {
  const range = chooseRange(header, size)
  if (range === 'whole') return undefined
  if (range !== 'unsatisfiable') return range
  throw new XrpcError(416, 'InvalidRange', 'The range lies outside the blob', { 'content-range': `bytes */${size}` })
}

// One range. A header longer than any useful one is ignored.
const maxLength = 128
const grammar = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i

/**
 * What a Range header requests. Several ranges, with which a client could make a server send a small blob many times
 * over, and anything malformed (a reversed range too) get the whole blob, as RFC 9110 14.2 allows and asks. So does an
 * empty blob: no range of it can be written, and clients that send `bytes=0-` with every request should not fail.
 */
export function chooseRange(header: string | null, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  if (header === null || header.length > maxLength || size === 0) return 'whole'
  const match = grammar.exec(header)
  if (!match) return 'whole'
  const [, first = '', last = '', suffix = ''] = match
  if (suffix !== '') {
    const length = Math.min(Number(suffix), size) // a suffix longer than the blob is all of it
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last)
  if (end < start) return 'whole'
  return start < size ? { start, end: Math.min(end, size - 1) } : 'unsatisfiable'
}
