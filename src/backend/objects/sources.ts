import type { SpoolFile } from '../files/spool-file.ts'
import { Refusal, sys } from '../files/system-calls.ts'

const pieceSize = 256 * 1024

export async function* bytesOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) if (chunk.byteLength > 0) yield chunk
}

/** Of a finished file. Errors are bare. */
export async function* bytesOfFile(file: SpoolFile): AsyncGenerator<Uint8Array> {
  const fd = await file.openToRead()
  try {
    for (let at = 0; at < file.size; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, file.size - at))
      const read = await sys.read(fd, piece, piece.byteLength, at)
      if (read === 0) throw new Refusal('EOF', 'the spool file became shorter while it was sent')
      at += read
      yield piece.subarray(0, read)
    }
  } finally {
    await sys.closeRead(fd)
  }
}
