/** One byte for each character. */
export const raw = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

export const joined = (...parts: (string | Uint8Array)[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts.map((part) => (typeof part === 'string' ? raw(part) : part))))

/** Bytes that never occur in text, as many as requested, the same ones each time. */
export const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 73 + 129) % 251)

/** A big-endian number of four bytes. */
export const big = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
export const little = (value: number): Uint8Array => big(value).reverse()

/** A box of ISO/IEC 14496-12, with its content. */
export const box = (kind: string, ...content: (string | Uint8Array)[]): Uint8Array => {
  const inside = joined(...content)
  return joined(big(inside.length + 8), kind, inside)
}

/** The box of brands: the major one, then those that the file is compatible with. */
export const ftyp = (major: string, ...compatible: string[]): Uint8Array =>
  joined(box('ftyp', major, big(0), ...compatible), box('mdat', noise(40)))

export const riff = (form: string, kind = 'RIFF'): Uint8Array => joined(kind, little(0xffffffff), form, noise(40))

/** An ID3 tag of that many bytes, and what follows it. */
export const tagged = (length: number, ...behind: (string | Uint8Array)[]): Uint8Array => {
  const size = Uint8Array.of(length >> 21, (length >> 14) & 127, (length >> 7) & 127, length & 127)
  return joined('ID3\x04\0\0', size, new Uint8Array(Math.min(length, 100_000)), ...behind)
}

/** The beginning of an archive whose first file is empty and has that name. */
export const zip = (name: string): Uint8Array =>
  joined('PK\x03\x04\x14\0\0\0\0\0', new Uint8Array(16), Uint8Array.of(name.length, 0, 0, 0), name, noise(40))

/** A tar header, with this text where newer ones write `ustar`. */
export const tar = (mark: string): Uint8Array => {
  const header = Buffer.alloc(1024)
  header.write('a.txt', 0)
  header.write('0000644', 100)
  header.write('00000000000', 124)
  header.write(mark, 257, 'latin1')
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 8 * 0x20)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return new Uint8Array(header)
}

/** Frames of MP3, 128 kbit/s at 44,100 Hz: 417 bytes each. */
export const mp3 = (frames: number): Uint8Array =>
  joined(...Array.from({ length: frames }, () => joined('\xff\xfb\x90\x64', new Uint8Array(413))))

/** Frames of AAC after ADTS headers, 200 bytes each. */
export const aac = (frames: number): Uint8Array =>
  joined(...Array.from({ length: frames }, () => joined('\xff\xf1\x50\x80\x19\0\0', new Uint8Array(193))))
