import type { Traced, TraceResult } from './channels.ts'

/**
 * Tells the channel's subscribers of a call. They see a summary of what it gave, and never what it gave: that may be a
 * signed address. To be called only where there are subscribers.
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
