import { readFileSync } from 'node:fs'
import { media } from './place.ts'

// A one-second clip repeated into a video of many megabytes: each second is separate in the file, after so many filler
// bytes that no player reads to the next one without need.
const frames = 15
const containers = ['moov', 'trak', 'edts', 'mdia', 'minf', 'stbl']

/** An MP4 that plays for so many seconds, each of which takes `gap` bytes and a little more. */
export function film(seconds: number, gap: number): Buffer<ArrayBuffer> {
  const [ftyp, moov, , mdat] = boxesOf(readFileSync(media('clip.mp4'))) as [Box, Box, Box, Box]
  const head = (offsets: number[]) => Buffer.concat([written(ftyp), longer(moov, seconds, offsets)])
  const second = Buffer.concat([box('free', Buffer.alloc(gap)), written(mdat)])
  const first = head(Array(seconds).fill(0)).length + 8 + gap + 8 // after the headers of the two boxes
  const offsets = Array.from({ length: seconds }, (_, i) => first + i * second.length)
  return Buffer.concat([head(offsets), ...Array<Buffer>(seconds).fill(second)])
}

interface Box {
  type: string
  body: Buffer
}

function boxesOf(bytes: Buffer): Box[] {
  const found: Box[] = []
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    const body = bytes.subarray(at + 8, at + bytes.readUInt32BE(at))
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), body })
  }
  return found
}

function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body])
}

const written = ({ type, body }: Box): Buffer => box(type, body)

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}

/** The box with all its times, frames and places adjusted to the whole video. */
function longer({ type, body }: Box, seconds: number, offsets: number[]): Buffer {
  const times = (table: Buffer) => Buffer.concat(Array<Buffer>(seconds).fill(table))
  const lasting = (at: number) => {
    const copy = Buffer.from(body)
    copy.writeUInt32BE(body.readUInt32BE(at) * seconds, at)
    return box(type, copy)
  }
  if (containers.includes(type)) return box(type, ...boxesOf(body).map((child) => longer(child, seconds, offsets)))
  if (type === 'mvhd' || type === 'mdhd') return lasting(16)
  if (type === 'tkhd') return lasting(20)
  if (type === 'elst') return lasting(8)
  if (type === 'stts') return lasting(8)
  if (type === 'ctts') return box(type, u32(0, body.readUInt32BE(4) * seconds), times(body.subarray(8)))
  if (type === 'stsz') return box(type, u32(0, 0, frames * seconds), times(body.subarray(12)))
  if (type === 'stss') return box(type, u32(0, seconds, ...offsets.map((_, i) => 1 + i * frames)))
  if (type === 'stco') return box(type, u32(0, seconds, ...offsets))
  return box(type, body)
}
