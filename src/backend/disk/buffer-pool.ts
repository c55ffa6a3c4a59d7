/** What is read at once, in bytes. */
export const chunkSize: number = 256 * 1024

// Buffers for reading, used again: new memory costs more than the read. 16 are 4 MiB; more readings at once allocate.
const most = 16
const free: Uint8Array[] = []
let made = 0

/** A buffer of at least `length` bytes, or of {@link chunkSize} where more is asked for. */
export function takeBuffer(length: number): Uint8Array {
  const buffer = free.pop()
  if (buffer) return buffer
  if (made >= most) return newBuffer(Math.min(length, chunkSize))
  made += 1
  return newBuffer(chunkSize)
}

/** It is out of use. One that is never given back is missed by nobody. */
export function giveBack(buffer: Uint8Array): void {
  if (buffer.byteLength === chunkSize && free.length < most) free.push(buffer)
}

/** Not filled with zeros, and a plain Uint8Array: `slice` of a Buffer copies nothing, which surprises readers. */
function newBuffer(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}
