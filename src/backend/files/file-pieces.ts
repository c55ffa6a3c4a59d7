import { Refusal, sys } from './system-calls.ts'

/** What readers of files have of one at a time, in bytes. */
export const pieceSize: number = 256 * 1024

/** A part of a spool file that is complete, in pieces. Errors are bare. */
export async function* piecesOf(fd: number, start: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < start + size; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, start + size - at))
    const read = await sys.read(fd, piece, piece.byteLength, at)
    if (read === 0) throw new Refusal('EOF', 'the spool file became shorter while it was sent; upload the bytes again')
    at += read
    yield piece.subarray(0, read)
  }
}
