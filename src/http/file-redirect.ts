import type { BlobReading } from '../store/calls.ts'
import type { FileRedirect } from './options.ts'

/** The header by which a proxy sends a file in the place of this process; null for what it must not, or need not, send. */
export function fileHeader(
  { header = 'x-accel-redirect', location = '', above = 1024 * 1024 }: FileRedirect,
  { file, size }: Pick<BlobReading, 'file' | 'size'>,
): Record<string, string> | null {
  if (!file || size < above) return null
  return { [header]: header === 'x-sendfile' ? `${file.root}/${file.path}` : location + file.path }
}
