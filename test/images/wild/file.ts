export interface Size {
  width: number
  height: number
}

/** A file in a form that occurs in the wild, and the dimensions it is shown with. */
export interface WildFile {
  /** What is unusual about it: a test's name. */
  name: string
  mimeType: string
  bytes: Buffer
  /** In pixels; null if nothing can be shown. */
  shown: Size | null
}

export const u16 = (...values: number[]): Buffer => numbers(2, values)
export const u32 = (...values: number[]): Buffer => numbers(4, values)

function numbers(size: number, values: number[]): Buffer {
  const bytes = Buffer.alloc(size * values.length)
  for (const [i, value] of values.entries()) bytes.writeUIntBE(value, i * size, size)
  return bytes
}
