import { BlobStoreError } from '../errors.ts'

/**
 * Reads a body into memory, which is allocated first. The body is closed after any failure, also of the allocation.
 *
 * @throws `StorageFailed` if it does not have exactly `size` bytes: the rest of the memory could hold anything
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
  const message = `The backend returned ${found} bytes instead of ${size}, and no error; read them again`
  return new BlobStoreError('StorageFailed', message, { transient: true })
}
