import { fileTypeFromBuffer } from 'file-type'
import { parseMimeType } from '../mime.ts'
import { isFalseMark } from './false-marks.ts'
import { endOfId3, taggedTypes } from './id3.ts'
import { isoMedia } from './iso-media.ts'
import { type Finding, marked } from './mark.ts'
import { otherForm } from './other-forms.ts'
import { isTextHead } from './text-types.ts'

/**
 * How many of the first bytes {@link sniffMimeType} needs. Measured with some 60 files, most written by ffmpeg: MP4,
 * QuickTime and WebM, also fragmented, live or with 20 kB of metadata, show their type within 64 bytes, WMA within 512.
 * What would need more, office files whose list of parts comes last, does not fit into a head of sensible length.
 */
export const headLength = 4100

// The most memory that a length in the bytes can make the sniffer allocate. More than the head, because a limit that is
// exceeded gives unknown, while bytes that just end give a less exact type. Lengths in ZIP headers have 16 bits.
const maxBufferSize = 64 * 1024

/** Everything that the first bytes of a file show. */
export interface SniffedHead {
  /** The result of `sniffMimeType`. */
  readonly sniffed: string | null
  /** Other types that they may correctly be called: other brands of a video, sounds that may follow a tag. */
  readonly also: readonly string[]
  /** Whether they are text: UTF-8, or UTF-16 after a byte order mark, without control characters. */
  readonly isText: boolean
}

/** The result when no bytes were examined. */
export const unseen: SniffedHead = Object.freeze({ sniffed: null, also: [], isText: false })

/**
 * The type that the first bytes of a file show, or null if they show none. Reads memory only, at most the first
 * {@link headLength} bytes, and never throws: a parser that fails, as on malicious bytes, finds nothing.
 *
 * @example
 * ```ts
 * import { sniffMimeType } from 'pds-blobstore'
 *
 * const isPng = async (bytes: Uint8Array) => (await sniffMimeType(bytes)) === 'image/png'
 * ```
 */
export async function sniffMimeType(head: Uint8Array): Promise<string | null> {
  return (await sniffHead(head)).sniffed
}

/**
 * What `effectiveMimeType` needs to know of the bytes. As {@link sniffMimeType}, it never throws.
 *
 * @example
 * ```ts
 * import { effectiveMimeType, sniffHead } from 'pds-blobstore'
 *
 * const typeOf = async (head: Uint8Array, declared: string | null) =>
 *   effectiveMimeType({ declared, policy: 'sniffed', ...(await sniffHead(head)) })
 * ```
 */
export async function sniffHead(head: Uint8Array): Promise<SniffedHead> {
  try {
    const bytes = head.subarray(0, headLength)
    const isText = isTextHead(bytes)
    return { ...(await find(bytes, isText)), isText }
  } catch {
    return unseen
  }
}

async function find(head: Uint8Array, isText: boolean): Promise<Finding> {
  if (!isText) {
    const media = isoMedia(head)
    if (media) return media
    const tagged = endOfId3(head)
    if (tagged > 0) return await behindTag(head, tagged)
  }
  // Acrobat reads PDF that claims to be PostScript.
  if (marked(head, '%!PS-Adobe-') && marked(head, ' PDF-', 14)) return { sniffed: 'application/pdf', also: [] }
  const sniffed = await byFileType(head)
  if (sniffed !== null && !isFalseMark(sniffed, head, isText)) return { sniffed, also: [] }
  return otherForm(head, isText)
}

/**
 * What follows an ID3 tag. If the head ends before, MP3, for which the tag was made, or any type that is commonly
 * tagged.
 */
async function behindTag(head: Uint8Array, end: number): Promise<Finding> {
  const rest = head.subarray(end)
  const sniffed = await byFileType(rest)
  if (sniffed !== null && !isFalseMark(sniffed, rest, false)) return { sniffed, also: [] }
  return { sniffed: 'audio/mpeg', also: rest.length > 8 ? [] : taggedTypes }
}

async function byFileType(head: Uint8Array): Promise<string | null> {
  try {
    // A parser for each call, because a parser is not safe for concurrent use.
    const result = await fileTypeFromBuffer(head, { maxBufferSize })
    return result === undefined ? null : parseMimeType(result.mime)
  } catch {
    return null
  }
}
