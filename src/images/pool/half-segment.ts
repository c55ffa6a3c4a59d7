/**
 * A JPEG that is cut off among its pixels is shown as far as it goes; but cut off within a segment, as between the scans of a
 * progressive one, the decoder takes what is missing for wrong, and gives up. So that segment goes.
 */
export function withoutHalfSegment(jpeg: Buffer): Buffer {
  for (let at = jpeg.length - 1; at > 2; at--) {
    const marker = jpeg[at + 1]
    if (jpeg[at] !== 0xff || marker === 0 || marker === 0xff) continue
    if (marker === undefined) return jpeg.subarray(0, at)
    if (marker >= 0xd0 && marker <= 0xd9) {
      if (marker >= 0xd8) return jpeg // an end
      continue // between pixels
    }
    const isWhole = at + 4 <= jpeg.length && at + 2 + jpeg.readUInt16BE(at + 2) <= jpeg.length
    return isWhole ? jpeg : jpeg.subarray(0, at)
  }
  return jpeg
}
