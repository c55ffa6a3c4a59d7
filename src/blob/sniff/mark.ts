/** Whether the bytes at `offset` are those characters, each one byte (`\xff`). False past the end. */
export function marked(bytes: Uint8Array, mark: string, offset = 0): boolean {
  if (offset + mark.length > bytes.length) return false
  for (let i = 0; i < mark.length; i += 1) if (bytes[offset + i] !== mark.charCodeAt(i)) return false
  return true
}

/** The bytes as characters, one for each byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end)
}

/** An unsigned number of four bytes; bytes past the end are 0. */
export function uint32(bytes: Uint8Array, offset: number, order: 'big' | 'little' = 'big'): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(offset, offset + 4)
  return order === 'big' ? a * 0x1000000 + b * 0x10000 + c * 0x100 + d : d * 0x1000000 + c * 0x10000 + b * 0x100 + a
}

/** What the bytes show about a file's type. */
export interface Finding {
  /** The type in the sniffer's spelling; null if unknown. */
  readonly sniffed: string | null
  /**
   * Other types that it may correctly be called: those of its other brands, and formats that the head cannot
   * distinguish.
   */
  readonly also: readonly string[]
}
