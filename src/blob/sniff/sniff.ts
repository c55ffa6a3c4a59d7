import { fileTypeFromBuffer } from 'file-type'
import { parseMimeType } from '../mime.ts'
import { isFalseMark } from './false-marks.ts'
import { endOfId3, taggedTypes } from './id3.ts'
import { isoMedia } from './iso-media.ts'
import { type Finding, marked } from './mark.ts'
import { otherForm } from './other-forms.ts'
import { isTextHead } from './text-types.ts'

/**
 * How many of the first bytes {@link sniffMimeType} wants. Measured over some 60 files, most by ffmpeg: MP4, QuickTime
 * and WebM, also fragmented, live or with 20 kB of metadata, tell their type within 64 bytes, WMA within 512. What
 * more would tell apart, office files whose list of parts comes last, no head of sensible length holds.
 */
export const headLength = 4100

// The most that a length claimed in the bytes can make the sniffer allocate. More than the head, for a limit that is hit
// means unknown, while bytes that merely end make it settle for less: lengths in a ZIP's headers have 16 bits.
const maxBufferSize = 64 * 1024

/** All that the first bytes of a file say. */
export interface SniffedHead {
  /** What `sniffMimeType` gives. */
  readonly sniffed: string | null
  /** What else they may honestly be called: other brands that a film names, sounds that may stand behind a tag. */
  readonly also: readonly string[]
  /** Whether they are text: UTF-8, or UTF-16 behind its mark, without control characters. */
  readonly isText: boolean
}

/** Nothing was looked at. */
export const unseen: SniffedHead = Object.freeze({ sniffed: null, also: [], isText: false })

/**
 * What the first bytes say that a file is, or null when they say nothing. Reads memory only, no more than the first
 * {@link headLength} bytes, and never throws: a parser that fails, as on bytes made to break it, knows nothing.
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
 * What `effectiveMimeType` wants to know of the bytes. As {@link sniffMimeType}, it never throws.
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
  // Acrobat reads PDF that calls itself PostScript.
  if (marked(head, '%!PS-Adobe-') && marked(head, ' PDF-', 14)) return { sniffed: 'application/pdf', also: [] }
  const sniffed = await byFileType(head)
  if (sniffed !== null && !isFalseMark(sniffed, head, isText)) return { sniffed, also: [] }
  return otherForm(head, isText)
}

/** Behind an ID3 tag: what begins there; where that is not seen, MP3, whose tag it is, or any that people tag. */
async function behindTag(head: Uint8Array, end: number): Promise<Finding> {
  const rest = head.subarray(end)
  const sniffed = await byFileType(rest)
  if (sniffed !== null && !isFalseMark(sniffed, rest, false)) return { sniffed, also: [] }
  return { sniffed: 'audio/mpeg', also: rest.length > 8 ? [] : taggedTypes }
}

async function byFileType(head: Uint8Array): Promise<string | null> {
  try {
    // A parser for each call: they are not safe for concurrent use.
    const result = await fileTypeFromBuffer(head, { maxBufferSize })
    return result === undefined ? null : parseMimeType(result.mime)
  } catch {
    return null
  }
}
