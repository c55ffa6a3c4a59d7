import { BlobStoreError } from '../errors.ts'

/**
 * Reads a body into memory, which is taken at once. Whatever fails, the memory included, the body is closed.
 *
 * @throws `StorageFailed` where it has not exactly `size` bytes: what is left of the memory could be anybody's
 */
export async function readWhole(body: AsyncIterableIterator<Uint8Array>, size: number): Promise<Uint8Array> {
  try {
    const all = Buffer.allocUnsafeSlow(size)
    let read = 0
    for await (const chunk of body) {
      if (read + chunk.byteLength > size) throw wrongSize(size, 'more')
      all.set(chunk, read)
      read += chunk.byteLength
    }
    if (read < size) throw wrongSize(size, read)
    return all
  } catch (error) {
    await body.return?.().catch(() => {})
    throw error
  }
}

function wrongSize(size: number, found: number | 'more'): BlobStoreError {
  const message = `The backend gave ${found} bytes, where ${size} were asked for, and no error; read them again`
  return new BlobStoreError('StorageFailed', message, { transient: true })
}
