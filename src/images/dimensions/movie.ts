import { type Box, boxes, child } from './boxes.ts'
import type { Dimensions, FoundDimensions, Header } from './header.ts'

/** The four numbers of a transformation that rotate and scale, row by row, as fractions. */
type Matrix = [a: number, b: number, c: number, d: number]

/** A video is not stretched beyond this: no browser shows a longer one. */
const longest = 32_767

/**
 * The dimensions of a movie's first enabled video track, or else its first, as browsers show it. Subtitles and time
 * codes have dimensions too, but do not count.
 */
export async function firstVideoTrack(header: Header, movie: Box): Promise<FoundDimensions | null> {
  const whole = await child(header, movie, 'mvhd')
  const placed = (whole && (await matrixAt(header, whole, 36))) ?? [1, 0, 0, 1]
  let first: FoundDimensions | null = null
  for await (const track of boxes(header, movie.start, movie.end)) {
    if (track.type !== 'trak') continue
    const head = await child(header, track, 'tkhd')
    const enabled = head && ((await header.at(head.start, 4))?.getUint8(3) ?? 0) & 1
    if (first && !enabled) continue
    const size = await shown(header, track, head, placed)
    if (size && enabled) return { kind: 'video', ...size }
    if (size) first ??= { kind: 'video', ...size }
  }
  return first
}

/** The dimensions of the samples' description, stretched by the pixel shape, then rotated. */
async function shown(header: Header, track: Box, head: Box | null, placed: Matrix): Promise<Dimensions | null> {
  const handler = await child(header, track, 'mdia', 'hdlr')
  if ((handler && (await header.at(handler.start + 8, 4)))?.getUint32(0) !== 0x76696465) return null // vide
  const said = head && (await trackSize(header, head))
  const turn = head && (await matrixAt(header, head, 40))
  const matrix = turn ? product(turn, placed) : placed
  const samples = await child(header, track, 'mdia', 'minf', 'stbl', 'stsd')
  const coded = samples && (await codedSize(header, samples))
  const size = coded ?? said
  if (!size) return null
  const { width, height } = stretched(size, await pixelShape(header, samples, size, said, matrix))
  return isQuarter(matrix) ? { width: height, height: width } : { width, height }
}

/** As in Chromium: anything but an exact quarter turn is ignored. */
function isQuarter([a, b, c, d]: Matrix): boolean {
  return a === 0 && d === 0 && Math.abs(b) === 1 && Math.abs(c) === 1
}

/** Width divided by height of a pixel: from `pasp`, otherwise the matrix, otherwise the size in the track's header. */
async function pixelShape(
  header: Header,
  samples: Box | null,
  size: Dimensions,
  said: Dimensions | null,
  [a, b, c, d]: Matrix,
): Promise<number> {
  const entry = samples && { type: '', start: samples.start + 8 + 86, end: samples.end }
  const box = entry && (await child(header, entry, 'pasp'))
  const view = box && (await header.at(box.start, 8))
  if (view && view.getInt32(0) > 0 && view.getInt32(4) > 0) return view.getInt32(0) / view.getInt32(4)
  if (!said) return 1
  const shape = Math.hypot(a, c) / Math.hypot(b, d)
  if (Number.isFinite(shape) && Math.abs(shape - 1) > 0.01) return shape
  return (said.width * size.height) / (said.height * size.width)
}

/** Never smaller than the coded size: wide pixels increase the width, high ones the height. */
function stretched({ width, height }: Dimensions, shape: number): Dimensions {
  const larger =
    shape >= 1 ? { width: Math.round(width * shape), height } : { width, height: Math.round(height / shape) }
  return larger.width <= longest && larger.height <= longest ? larger : { width, height }
}

async function codedSize(header: Header, samples: Box): Promise<Dimensions | null> {
  const view = await header.at(samples.start + 8 + 32, 4)
  return sizeOf(view?.getUint16(0), view?.getUint16(2))
}

async function trackSize(header: Header, head: Box): Promise<Dimensions | null> {
  const view = await header.at(head.start + (await behindTimes(header, head, 40)) + 36, 8)
  return sizeOf(view && view.getUint32(0) / 0x10000, view && view.getUint32(4) / 0x10000)
}

function sizeOf(width: number | null | undefined, height: number | null | undefined): Dimensions | null {
  return width && height ? { width, height } : null
}

async function matrixAt(header: Header, box: Box, offset: number): Promise<Matrix | null> {
  const view = await header.at(box.start + (await behindTimes(header, box, offset)), 20)
  if (!view) return null
  const number = (i: number) => view.getInt32(i * 4) / 0x10000
  return [number(0), number(1), number(3), number(4)]
}

/** The offset in a header after its times, which take 8 bytes each in version 1, otherwise 4. */
async function behindTimes(header: Header, box: Box, offset: number): Promise<number> {
  return (await header.at(box.start, 1))?.getUint8(0) === 1 ? offset + 12 : offset
}

function product([a, b, c, d]: Matrix, [e, f, g, h]: Matrix): Matrix {
  return [a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h]
}
