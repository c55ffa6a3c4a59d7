import { byteCount } from '../arguments.ts'
import { Refusal, sys } from './system-calls.ts'

// IOV_MAX of Linux and macOS: a call with more buffers is refused.
const maxBuffers = 1024

/** Appends all chunks. One call may write fewer bytes than given, for example on a disk that is almost full. */
export async function writeAll(fd: number, chunks: readonly Uint8Array[]): Promise<void> {
  for (let next = 0; next < chunks.length; next += maxBuffers) {
    let rest = chunks.slice(next, next + maxBuffers)
    let left = byteCount(rest)
    while (left > 0) {
      const written = await sys.writev(fd, rest)
      if (written === 0) throw new Refusal('EIO', 'the device accepted no bytes, and gave no reason')
      left -= written
      if (left > 0) rest = withoutFirst(written, rest)
    }
  }
}

function withoutFirst(bytes: number, chunks: readonly Uint8Array[]): Uint8Array[] {
  let skip = bytes
  let first = 0
  for (; first < chunks.length; first++) {
    const length = chunks[first]?.byteLength ?? 0
    if (length > skip) break
    skip -= length
  }
  return chunks.slice(first).map((chunk, index) => (index === 0 ? chunk.subarray(skip) : chunk))
}
