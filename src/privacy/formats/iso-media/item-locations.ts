import { type ScannedFile, Unsearchable } from '../../scanned-file.ts'
import { type Box, findBox, tableOf } from './boxes.ts'

/** Some bytes of an item, in the file. */
export interface Extent {
  start: number
  end: number
}

/** Of all items that are asked for; of all items, of which a picture of many tiles has thousands. */
const [mostExtents, mostEntries] = [100, 100_000]

/**
 * Where the content of these items is, in the order of the file.
 *
 * @throws `Unsearchable` if one lies outside of the data of the file
 */
export async function locate(
  file: ScannedFile,
  meta: Box,
  data: readonly Box[],
  ids: ReadonlySet<number>,
): Promise<Map<number, Extent[]>> {
  const iloc = await findBox(file, meta, 'iloc')
  if (!iloc) throw new Unsearchable('it has items without locations')
  const own = await findBox(file, meta, 'idat')
  const holders = own ? [...data, own] : data
  const table = new Table(await tableOf(file, iloc))
  const version = table.take(1)
  if (version > 2) throw new Unsearchable('its locations are of an unknown version')
  table.take(3)
  const [sizes, more] = [table.take(1), table.take(1)]
  const length = { offset: sizes >> 4, length: sizes & 15, base: more >> 4, index: version > 0 ? more & 15 : 0 }
  const locations = new Map<number, Extent[]>()
  let [extents, entries] = [0, 0]
  for (let left = table.take(version < 2 ? 2 : 4); left > 0; left--) {
    const id = table.take(version < 2 ? 2 : 4)
    const method = version > 0 ? table.take(2) & 15 : 0
    const elsewhere = table.take(2)
    const base = table.take(length.base)
    const count = table.take(2)
    entries += 1 + count
    if (entries > mostEntries) throw new Unsearchable('it has too many items')
    if (count > 1 && length.length === 0) throw new Unsearchable('it has items without an end')
    for (let i = 0; i < count; i++) {
      table.take(length.index)
      const start = base + table.take(length.offset) + (method === 1 ? (own?.content ?? 0) : 0)
      const end = start + table.take(length.length)
      if (!ids.has(id)) continue
      extents += 1
      const isIn = holders.some((box) => start >= box.content && end <= box.end)
      if (elsewhere !== 0 || method > 1 || end === start || !isIn || extents > mostExtents) {
        throw new Unsearchable('it has items outside of its data')
      }
      locations.set(id, [...(locations.get(id) ?? []), { start, end }])
    }
  }
  // What has no place here may have one for another reader of a damaged table.
  if (locations.size < ids.size) throw new Unsearchable('it has items without locations')
  return locations
}

/** Numbers of one to eight bytes, one after the other. */
class Table {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  take(length: number): number {
    if (this.#at + length > this.#bytes.byteLength) throw new Unsearchable('its box iloc is too short')
    let value = 0
    for (const byte of this.#bytes.subarray(this.#at, this.#at + length)) value = value * 256 + byte
    this.#at += length
    return value
  }
}
