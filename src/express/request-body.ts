import type { IncomingMessage } from 'node:http'

/**
 * The body of a Node request, chunk by chunk. Unlike `for await` over the request itself, leaving it early does not
 * destroy the connection, so that the client can be told why; and it can be left while a chunk is being waited for.
 */
export function requestBody(req: IncomingMessage): AsyncIterableIterator<Uint8Array> {
  let wake = () => {}
  let over = false
  const events = ['readable', 'end', 'close'] as const
  const onEvent = () => wake()
  const leave = () => {
    over = true
    for (const event of events) req.off(event, onEvent)
    wake()
  }
  req.on('error', onEvent) // for good: an error that nobody listens to would end the process
  for (const event of events) req.on(event, onEvent)

  return {
    async next() {
      while (!over) {
        const chunk: Uint8Array | null = req.read()
        if (chunk !== null) return { done: false, value: chunk }
        if (req.readableEnded) break
        if (req.destroyed) throw req.errored ?? new Error('The connection was closed before the end of the body')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      leave()
      return { done: true, value: undefined }
    },
    async return() {
      leave()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
