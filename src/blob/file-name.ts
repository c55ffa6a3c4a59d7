import mime from 'mime'
import { parseMimeType } from './mime.ts'

const extension = /\.([a-z0-9_+-]{1,32})$/i

/**
 * The MIME type of a file name's extension, or null if it has none or an unknown one. It comes from the name, not from
 * the bytes, so it is only a declared type.
 *
 * @example
 * ```ts
 * import { mimeTypeOfFileName } from 'pds-blobstore'
 *
 * const declared = mimeTypeOfFileName('holiday.jpg') // 'image/jpeg'
 * ```
 */
export function mimeTypeOfFileName(name: string): string | null {
  // Only the end is examined, so a name of any length costs the same. `mime` would take a bare `png` for an extension.
  const type = mime.getType(extension.exec(name.slice(-33))?.[1] ?? '')
  return type === null ? null : parseMimeType(type)
}
