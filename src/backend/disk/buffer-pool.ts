/** What is read at once, in bytes. */
export const chunkSize: number = 256 * 1024

// Buffers for reading, used again: new memory costs more than the read. 16 are 4 MiB; more readings at once allocate.
const most = 16
const free: Uint8Array[] = []
const pooled = new WeakSet<Uint8Array>()
let count = 0

// A reader that neither ends nor returns leaves its buffer to the garbage collector, which makes room for another.
const collected = new FinalizationRegistry<undefined>(() => count--)

/**
 * A buffer of at least `length` bytes, or of {@link chunkSize} where more is asked for. Whoever takes it gives it back or
 * lets go of it.
 */
export function takeBuffer(length: number): Uint8Array {
  const used = free.pop()
  if (used) return used
  if (count >= most) return newBuffer(Math.min(length, chunkSize))
  const buffer = newBuffer(chunkSize)
  pooled.add(buffer)
  collected.register(buffer, undefined, buffer)
  count++
  return buffer
}

/** It is out of use, and free for the next reading. */
export function giveBack(buffer: Uint8Array): void {
  if (pooled.has(buffer)) free.push(buffer)
}

/** Its bytes may still be on their way to a client: the pool replaces it and never uses it again. */
export function letGo(buffer: Uint8Array): void {
  if (!pooled.delete(buffer)) return
  collected.unregister(buffer)
  count--
}

/** Not filled with zeros, and a plain Uint8Array: `slice` of a Buffer copies nothing, which surprises readers. */
function newBuffer(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}
