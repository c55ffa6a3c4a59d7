import { u32 } from './file.ts'

// Files of nested boxes: AVIF, MP4, QuickTime.

export interface Box {
  type: string
  body: Buffer
}

export function box(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body])
}

export function boxesOf(bytes: Buffer): Box[] {
  const found: Box[] = []
  for (let at = 0; at + 8 <= bytes.length; at += bytes.readUInt32BE(at)) {
    const body = bytes.subarray(at + 8, at + bytes.readUInt32BE(at))
    found.push({ type: bytes.toString('latin1', at + 4, at + 8), body })
  }
  return found
}

/** The body of the first box of a type, anywhere in the bytes. */
export function bodyOf(bytes: Buffer, type: string): Buffer {
  const at = bytes.indexOf(type, 0, 'latin1') - 4
  return bytes.subarray(at + 8, at + bytes.readUInt32BE(at))
}
