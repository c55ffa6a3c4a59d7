export interface ExifForm {
  little?: boolean
  /** Where the directory begins: after the header of 8 bytes. */
  directory?: number
  /** 3 is a short, the standard form. */
  type?: number
  count?: number
  /** How many entries come before the orientation. */
  before?: number
  /** How many entries the directory says it has. */
  entries?: number
  /** The tag, 0x112 for the orientation. */
  tag?: number
}

/** A TIFF block, as in EXIF, with an orientation and little more. */
export function exif(orientation: number, form: ExifForm = {}): Buffer {
  const { little = false, directory = 8, type = 3, count = 1, before = 0, entries = before + 1, tag = 0x112 } = form
  const bytes = Buffer.alloc(Math.max(directory, 8) + 2 + (before + 1) * 12 + 4)
  const u16 = (value: number, at: number) => (little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at))
  const u32 = (value: number, at: number) => (little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at))
  bytes.write(little ? 'II' : 'MM')
  u16(42, 2)
  u32(directory, 4)
  u16(entries, directory)
  const entry = (at: number, tag: number, value: number, type: number, count: number) => {
    u16(tag, at)
    u16(type, at + 2)
    u32(count, at + 4)
    if (type === 4) u32(value, at + 8)
    else if (type === 1) bytes.writeUInt8(value, at + 8)
    else u16(value, at + 8)
  }
  for (let i = 0; i < before; i++) entry(directory + 2 + i * 12, 0x100 + i, 1, 3, 1)
  entry(directory + 2 + before * 12, tag, orientation, type, count)
  return bytes
}
