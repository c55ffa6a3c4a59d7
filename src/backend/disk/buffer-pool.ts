/** The size of one read, in bytes. */
export const chunkSize: number = 256 * 1024

// A pool of read buffers, because allocating memory costs more than the read. 16 are 4 MiB; further concurrent readings
// allocate.
const maxBuffers = 16
const free: Uint8Array[] = []
const pooled = new WeakSet<Uint8Array>()
let count = 0

// A reader that neither reaches the end nor calls `return` leaves its buffer to the garbage collector; then the pool
// may hold another.
const collected = new FinalizationRegistry<undefined>(() => count--)

/**
 * Returns a buffer of at least `length` bytes, at most {@link chunkSize}. The caller must call `release` or `discard`
 * for it.
 */
export function takeBuffer(length: number): Uint8Array {
  const used = free.pop()
  if (used) return used
  if (count >= maxBuffers) return newBuffer(Math.min(length, chunkSize))
  const buffer = newBuffer(chunkSize)
  pooled.add(buffer)
  collected.register(buffer, undefined, buffer)
  count++
  return buffer
}

/** Returns a buffer that is no longer used to the pool. */
export function release(buffer: Uint8Array): void {
  if (pooled.has(buffer)) free.push(buffer)
}

/** Drops a buffer whose bytes may still be on their way to a client: the pool replaces it and never uses it again. */
export function discard(buffer: Uint8Array): void {
  if (!pooled.delete(buffer)) return
  collected.unregister(buffer)
  count--
}

/** Not filled with zeros, and a plain Uint8Array: `slice` of a Buffer does not copy, which surprises readers. */
function newBuffer(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}
