import type { Traced, TraceResult } from './channels.ts'

/**
 * Publishes a call to the channel's subscribers, with a summary of its result. They never get the result itself, which
 * may be a signed address. To be called only if there are subscribers.
 */
export async function trace<T, Message extends object>(
  channel: Traced<Message>,
  message: Message,
  call: () => Promise<T>,
  summary: (result: T) => TraceResult | undefined,
): Promise<T> {
  let result!: T
  await channel.tracePromise(async () => {
    result = await call()
    return summary(result)
  }, message)
  return result
}
