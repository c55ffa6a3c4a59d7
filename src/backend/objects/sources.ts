import { piecesOf } from '../files/file-pieces.ts'
import type { SpoolFile } from '../files/spool-file.ts'
import { sys } from '../files/system-calls.ts'

export async function* bytesOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) if (chunk.byteLength > 0) yield chunk
}

/** Of a finished file. Errors are bare. */
export async function* bytesOfFile(file: SpoolFile): AsyncGenerator<Uint8Array> {
  const fd = await file.openToRead()
  try {
    yield* piecesOf(fd, 0, file.size)
  } finally {
    await sys.closeRead(fd)
  }
}
