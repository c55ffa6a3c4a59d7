import type { FoundParts, PrivatePart } from '../../parts.ts'
import { type ScannedFile, Unsearchable } from '../../scanned-file.ts'
import { type Box, findBox, tableOf } from './boxes.ts'

/** Of a track: an hour has some thousand. */
const mostChunks = 100_000

interface Range {
  start: number
  end: number
}

/** Overwrites the samples of a track, which lie in chunks, among those of other tracks. */
export async function wipeSamples(
  file: ScannedFile,
  parts: FoundParts,
  table: Box,
  data: readonly Box[],
  { name, place }: PrivatePart,
): Promise<void> {
  for (const { start, end } of within(data, merged(await chunksOf(file, table)))) {
    parts.add(name, place, { start, end, bytes: new Uint8Array(0), fill: 0 })
  }
}

/**
 * Overwrites what a box `gps ` of a car's camera lists: blocks among the samples, which belong to no track. A list of another
 * kind, whose numbers are no offsets, is left alone.
 */
export async function wipeBlocks(file: ScannedFile, parts: FoundParts, list: Box, data: readonly Box[]): Promise<void> {
  const table = await tableOf(file, list)
  if (table.byteLength > mostChunks * 8) throw new Unsearchable('it has too many samples')
  const listed: Range[] = []
  for (let at = 8; at + 8 <= table.byteLength; at += 8) {
    const start = table.readUInt32BE(at)
    listed.push({ start, end: start + table.readUInt32BE(at + 4) })
  }
  const blocks: Range[] = []
  // In the order of the file: jumps to and fro would read much more than there is.
  for (const block of listed.sort((a, b) => a.start - b.start)) {
    if (isWithin(data, block) && (await file.text(block.start + 4, 8, block.end)) === 'freeGPS ') blocks.push(block)
  }
  for (const { start, end } of merged(blocks)) {
    parts.add('places', true, { start, end, bytes: new Uint8Array(0), fill: 0 })
  }
}

/** Where the chunks of a track are. */
async function chunksOf(file: ScannedFile, table: Box): Promise<Range[]> {
  const offsets = await offsetsOf(file, table)
  if (offsets.length > mostChunks) throw new Unsearchable('it has too many samples')
  const groups = entriesOf(await must(file, table, 'stsc'), 12)
  const size = await sizesOf(file, table)
  const chunks: Range[] = []
  let [group, sample] = [0, 0]
  for (const [i, start] of offsets.entries()) {
    // The first chunk of a group is counted from 1.
    while (group + 1 < groups.count && groups.at(group + 1, 0) <= i + 1) group += 1
    if (groups.count === 0) throw new Unsearchable('it has chunks without samples')
    const samples = groups.at(group, 4)
    chunks.push({ start, end: start + size(sample, samples) })
    sample += samples
  }
  return chunks
}

async function offsetsOf(file: ScannedFile, table: Box): Promise<number[]> {
  const short = await findBox(file, table, 'stco')
  const entries = entriesOf(short ? await tableOf(file, short) : await must(file, table, 'co64'), short ? 4 : 8)
  return Array.from({ length: entries.count }, (_, i) => (short ? entries.at(i, 0) : entries.large(i)))
}

/** The sum of the sizes of some samples. All may have one size. */
async function sizesOf(file: ScannedFile, table: Box): Promise<(first: number, count: number) => number> {
  const bytes = await must(file, table, 'stsz')
  if (bytes.byteLength < 12) throw new Unsearchable('its box stsz is too short')
  const [one, count] = [bytes.readUInt32BE(4), bytes.readUInt32BE(8)]
  if (one > 0) return (_, samples) => one * samples
  if (12 + count * 4 > bytes.byteLength) throw new Unsearchable('its box stsz is too short')
  return (first, samples) => {
    if (first + samples > count) throw new Unsearchable('it has chunks without samples')
    let sum = 0
    for (let i = first; i < first + samples; i++) sum += bytes.readUInt32BE(12 + i * 4)
    return sum
  }
}

interface Entries {
  count: number
  /** A number of an entry, at so many bytes within. */
  at(i: number, offset: number): number
  large(i: number): number
}

function entriesOf(bytes: Buffer, length: number): Entries {
  const count = bytes.byteLength >= 8 ? bytes.readUInt32BE(4) : Number.POSITIVE_INFINITY
  if (8 + count * length > bytes.byteLength) throw new Unsearchable('it has a table that is too short')
  return {
    count,
    at: (i, offset) => bytes.readUInt32BE(8 + i * length + offset),
    large: (i) => Number(bytes.readBigUInt64BE(8 + i * length)),
  }
}

async function must(file: ScannedFile, table: Box, type: string): Promise<Buffer> {
  const box = await findBox(file, table, type)
  if (!box) throw new Unsearchable(`it has a track without ${type}`)
  return await tableOf(file, box)
}

/** In order, each byte once. */
function merged(ranges: readonly Range[]): Range[] {
  const all: Range[] = []
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = all.at(-1)
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else if (end > start) all.push({ start, end })
  }
  return all
}

/** @throws `Unsearchable` unless each lies in a box of samples: otherwise the file would damage itself */
function* within(data: readonly Box[], ranges: readonly Range[]): Generator<Range> {
  for (const range of ranges) {
    if (!isWithin(data, range)) throw new Unsearchable('it has samples outside of its data')
    yield range
  }
}

/** Whether it lies in one of the boxes, which are in order. */
function isWithin(data: readonly Box[], { start, end }: Range): boolean {
  let [low, high] = [0, data.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((data[middle] as Box).content <= start) low = middle + 1
    else high = middle
  }
  return end <= (data[low - 1]?.end ?? 0)
}
