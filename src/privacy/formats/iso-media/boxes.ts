import type { FoundParts } from '../../parts.ts'
import { type ScannedFile, Unsearchable } from '../../scanned-file.ts'

/** A box of an ISO base media file: MP4, QuickTime, HEIF. */
export interface Box {
  type: string
  /** Of its header. */
  start: number
  content: number
  end: number
}

/**
 * The boxes from `start` to before `end`.
 *
 * @throws `Unsearchable` where one is longer than what holds it
 */
export async function* boxesIn(file: ScannedFile, start: number, end: number): AsyncGenerator<Box> {
  for (let at = start; at < end; ) {
    const box = await boxAt(file, at, end)
    if (box === null) {
      // QuickTime ends some lists with a zero.
      if (await file.has(at, end, new Uint8Array(0))) return
      throw new Unsearchable('it has a box that is longer than what holds it')
    }
    yield box
    at = box.end
  }
}

/** Null if no whole box is there. */
export async function boxAt(file: ScannedFile, start: number, end: number): Promise<Box | null> {
  if (start + 8 > end) return null
  const head = await file.at(start, 8)
  const [short, type] = [head.getUint32(0), Buffer.from(head.buffer, head.byteOffset + 4, 4).toString('latin1')]
  let [size, length] = [short, 8]
  if (short === 0 && end === file.size) size = end - start
  if (short === 1) {
    if (start + 16 > end) return null
    ;[size, length] = [Number((await file.at(start + 8, 8)).getBigUint64(0)), 16]
  }
  if (size < length || !(size <= end - start)) return null
  return { type, start, content: start + length, end: start + size }
}

/** The first box of a path. */
export async function findBox(file: ScannedFile, parent: Box, ...path: string[]): Promise<Box | null> {
  const [type, ...rest] = path
  for await (const box of boxesIn(file, parent.content, parent.end)) {
    if (box.type === type) return rest.length > 0 ? await findBox(file, box, ...rest) : box
  }
  return null
}

/** Bytes of a box that must have so many. */
export async function contentOf(file: ScannedFile, box: Box, length: number): Promise<DataView> {
  if (box.content + length > box.end) throw new Unsearchable(`its box ${box.type} is too short`)
  return await file.at(box.content, length)
}

/** In bytes: of a table that is read as a whole. */
const longestTable = 8 * 1024 * 1024

/** The whole content of a box, to keep. */
export async function tableOf(file: ScannedFile, box: Box): Promise<Buffer> {
  const length = box.end - box.content
  if (length > longestTable) throw new Unsearchable(`its box ${box.type} is too long`)
  return Buffer.from(await file.bytes(box.content, length))
}

/** Makes a box unused space of the same length: nothing behind it moves, and nothing in it is left. */
export async function blank(
  file: ScannedFile,
  parts: FoundParts,
  box: Box,
  { name, place }: { name: string; place: boolean },
): Promise<void> {
  const { start, content, end } = box
  const bytes = Buffer.from(await file.bytes(start, content - start))
  bytes.write('free', 4, 'latin1')
  parts.add(name, place, { start, end, bytes, fill: 0 })
}
