import { supportedMimeTypes } from 'file-type'
import { parseMimeType } from '../mime.ts'

/** Types recognized in addition to those of file-type. */
const ours = ['image/avci', 'image/avcs', 'image/hej2k', 'image/jph']

const types: ReadonlySet<string> = new Set([...supportedMimeTypes, ...ours].map((type) => parseMimeType(type) ?? type))

/** Whether the sniffer recognizes files of the type, in its spelling, by a mark of their own. */
export function hasMark(mimeType: string): boolean {
  return types.has(mimeType)
}
