import type { FoundParts } from './parts.ts'
import type { ScannedFile } from './scanned-file.ts'
import { type TiffBlock, tiffOf } from './tiff.ts'

/** What holds an Exif, from its own header to its end. */
interface Holder {
  start: number
  end: number
}

/**
 * An Exif becomes one that says nothing but how the picture is turned, or goes, if it is not turned, or another one before
 * has said it. `holderOf` puts the TIFF block into what holds it.
 */
export async function reduceExif(
  file: ScannedFile,
  parts: FoundParts,
  { start, end }: Holder,
  { orientation, place }: TiffBlock,
  seen: boolean,
  holderOf: (tiff: Uint8Array) => Uint8Array,
): Promise<void> {
  const reduced = orientation === 1 || seen ? nothing : holderOf(tiffOf(orientation))
  if (reduced.byteLength === end - start && (await file.has(start, end, reduced))) return
  // A block that is shorter than ours is damaged: what reads it must not find more behind it.
  parts.add('Exif', place, { start, end, bytes: reduced.byteLength <= end - start ? reduced : nothing })
}

const nothing = new Uint8Array(0)
