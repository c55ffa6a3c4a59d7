import type { FoundDimensions, Header } from './header.ts'

const ids = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  cluster: 0x1f43b675,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  displayWidth: 0x54b0,
  displayHeight: 0x54ba,
  displayUnit: 0x54b2,
}

interface Element {
  id: number
  start: number
  end: number
}

/** WebM and Matroska: the first video track. */
export async function matroska(header: Header): Promise<FoundDimensions | null> {
  const start = await header.at(0, 4)
  if (start?.getUint32(0) !== ids.ebml) return null
  for await (const segment of elements(header, 0, header.size)) {
    if (segment.id !== ids.segment) continue
    for await (const part of elements(header, segment.start, segment.end)) {
      if (part.id === ids.cluster) return null // the pictures: a file with its tracks after them plays nowhere
      if (part.id === ids.tracks) return await firstVideoTrack(header, part)
    }
    return null
  }
  return null
}

async function firstVideoTrack(header: Header, tracks: Element): Promise<FoundDimensions | null> {
  for await (const track of elements(header, tracks.start, tracks.end)) {
    if (track.id !== ids.trackEntry) continue
    for await (const video of elements(header, track.start, track.end)) {
      if (video.id === ids.video) return await dimensionsOf(header, video)
    }
  }
  return null
}

async function dimensionsOf(header: Header, video: Element): Promise<FoundDimensions> {
  const values = new Map<number, number>()
  for await (const { id, start, end } of elements(header, video.start, video.end)) {
    values.set(id, await unsigned(header, start, end))
  }
  const inPixels = (values.get(ids.displayUnit) ?? 0) === 0
  const width = (inPixels && values.get(ids.displayWidth)) || values.get(ids.pixelWidth) || 0
  const height = (inPixels && values.get(ids.displayHeight)) || values.get(ids.pixelHeight) || 0
  return { kind: 'video', width, height }
}

async function* elements(header: Header, start: number, end: number): AsyncGenerator<Element> {
  for (let offset = start; offset < end; ) {
    const id = await variable(header, offset, false)
    const size = id && (await variable(header, offset + id.length, true))
    if (!id || !size) return
    const content = offset + id.length + size.length
    // Unknown size, as live recorders write it: up to the end of the parent.
    const after = size.value === null ? end : content + size.value
    if (id.value === null || after > end) return
    yield { id: id.value, start: content, end: after }
    offset = after
  }
}

/** A number whose first byte states its length: 1 to 8 bytes. Null is the value for "unknown". */
async function variable(
  header: Header,
  offset: number,
  isSize: boolean,
): Promise<{ value: number | null; length: number } | null> {
  const first = (await header.at(offset, 1))?.getUint8(0)
  if (!first) return null
  const length = Math.clz32(first) - 23
  const view = await header.at(offset, length)
  if (!view) return null
  let value = isSize ? first & (0xff >> length) : first
  let unknown = value === 0xff >> length
  for (let i = 1; i < length; i++) {
    value = value * 256 + view.getUint8(i)
    unknown &&= view.getUint8(i) === 0xff
  }
  return { value: isSize && unknown ? null : value, length }
}

async function unsigned(header: Header, start: number, end: number): Promise<number> {
  const view = end - start <= 8 ? await header.at(start, end - start) : null
  let value = 0
  for (let i = 0; view && i < view.byteLength; i++) value = value * 256 + view.getUint8(i)
  return value
}
