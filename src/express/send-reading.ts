import type { ServerResponse } from 'node:http'
import type { Reply } from '../http/reply.ts'
import type { BlobReading } from '../store/calls.ts'
import { watchIdle } from './idle.ts'

export interface SendOptions {
  /** How long the client may take nothing, in milliseconds. */
  idleTimeout: number
  /** Aborted when the client is gone. */
  signal: AbortSignal
}

/**
 * Sends bytes from the backend's chunks to the socket, one at a time: the next is asked for when the kernel has taken
 * the one before, which is the back pressure, and lets the backend use one buffer again and again. To close the reading is the
 * caller's part.
 */
export async function sendReading(
  res: ServerResponse,
  { status, headers }: Reply,
  { chunks }: BlobReading,
  { signal, idleTimeout }: SendOptions,
): Promise<void> {
  const watch = watchIdle(res, idleTimeout)
  try {
    let left = Number(headers['content-length'])
    let chunk = await chunks.next() // before the headers: a file that cannot be read may still become a 500
    if (signal.aborted || res.headersSent) return
    res.writeHead(status, headers)
    while (!chunk.done && chunk.value.length <= left) {
      left -= chunk.value.length
      watch.begin()
      if (chunk.value.length > 0 && !(await write(res, chunk.value, left === 0, signal))) return
      watch.end()
      chunk = await chunks.next()
    }
    if (left > 0 || !chunk.done) throw new Error('The backend gave more or fewer bytes than the blob has')
    if (!res.writableEnded) res.end()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    watch.stop()
  }
}

/** Resolves when the kernel has the bytes, so that their buffer may be used again: with false if the client is gone. */
function write(res: ServerResponse, chunk: Uint8Array, last: boolean, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onGone = () => done(signal.reason)
    const done = (error?: Error | null) => {
      signal.removeEventListener('abort', onGone)
      resolve(!error)
    }
    signal.addEventListener('abort', onGone)
    if (signal.aborted) onGone()
    // The last chunk and the end together: a small blob leaves in one system call, headers included.
    else if (last) res.end(chunk, () => done())
    else res.write(chunk, done)
  })
}
