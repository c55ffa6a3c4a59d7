import { setTimeout as pause } from 'node:timers/promises'
import type { Linger } from './linger.ts'
import type { RequestBody } from './request-body.ts'

/**
 * The body of an answer to a client that may be sending still: see {@link Linger}. The client has it whole at once, by its
 * Content-Length; but it ends only when the client has ended, for then the server, or a proxy, closes the connection.
 */
export function refusalBody(
  text: string | Uint8Array | null,
  rest: RequestBody,
  linger: Linger,
): ReadableStream<Uint8Array> {
  const over = new AbortController()
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (text?.length) controller.enqueue(Buffer.from(text))
      },
      async pull(controller) {
        // The headers are on their way first: a client that asks before it sends must not be told to go on.
        await pause(10)
        await rest.discard(linger, over.signal)
        if (!over.signal.aborted) controller.close()
        rest.cancel()
      },
      cancel: () => over.abort(),
    },
    { highWaterMark: 0 },
  )
}
