import mime from 'mime'
import { parseMimeType } from './mime.ts'

const extension = /\.([a-z0-9_+-]{1,32})$/i

/**
 * The type that a file name's extension stands for, or null when it has none or one that is not known. A name, not
 * the bytes, says so: it is no more than a declared type.
 *
 * @example
 * ```ts
 * import { mimeTypeOfFileName } from 'pds-blobstore'
 *
 * const declared = mimeTypeOfFileName('holiday.jpg') // 'image/jpeg'
 * ```
 */
export function mimeTypeOfFileName(name: string): string | null {
  // Only the end is looked at, so that a name of any length costs the same. `mime` would take a bare `png` for one.
  const type = mime.getType(extension.exec(name.slice(-33))?.[1] ?? '')
  return type === null ? null : parseMimeType(type)
}
