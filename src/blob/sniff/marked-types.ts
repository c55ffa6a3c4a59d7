import { supportedMimeTypes } from 'file-type'
import { parseMimeType } from '../mime.ts'

/** What is recognised besides what file-type lists. */
const ours = ['image/avci', 'image/avcs', 'image/hej2k', 'image/jph']

const types: ReadonlySet<string> = new Set([...supportedMimeTypes, ...ours].map((type) => parseMimeType(type) ?? type))

/** Whether the sniffer knows files of the type, in its spelling, by a mark of their own. */
export function hasMark(mimeType: string): boolean {
  return types.has(mimeType)
}
