import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attributes, context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { type BackendTrace, type StoreTrace, type Traced, traceChannels } from 'pds-blobstore'

/**
 * Creates an OpenTelemetry span for each operation of the store, and for each call of a backend within it. Their parent
 * is the span that is active where the store is called, such as that of the HTTP request. Returns a function that stops
 * it.
 */
export function spansOf(tracer: Tracer): () => void {
  const operations = new AsyncLocalStorage<Span>()
  const stops = [
    ...Object.values(traceChannels.store).map((channel) =>
      spansOn(channel, operations, tracer, ({ operation, did, cid }: StoreTrace) => ({
        name: `blobstore ${operation}`,
        attributes: { ...(did && { 'atproto.did': did }), ...(cid && { 'atproto.cid': cid }) },
      })),
    ),
    ...Object.values(traceChannels.backend).map((channel) =>
      spansOn(channel, operations, tracer, ({ method, backend, key }: BackendTrace) => ({
        name: `${backend} ${method}`,
        attributes: { 'blobstore.backend': backend, ...(key && { 'blobstore.key': key }) },
      })),
    ),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function spansOn<Message extends StoreTrace | BackendTrace>(
  channel: Traced<Message>,
  operations: AsyncLocalStorage<Span>,
  tracer: Tracer,
  describe: (message: Message) => { name: string; attributes: Attributes },
): () => void {
  const open = new WeakMap<object, Span>()

  // Bound, not only subscribed: so the call runs within the span.
  channel.start.bindStore(operations, (message) => {
    const { name, attributes } = describe(message as Message)
    const parent = operations.getStore()
    const span = tracer.startSpan(name, { attributes }, parent && trace.setSpan(context.active(), parent))
    open.set(message as Message, span)
    return span
  })
  const onEnd = (message: unknown): void => {
    const { result, error } = message as Message
    const span = open.get(message as Message)
    for (const [name, value = ''] of Object.entries(result ?? {})) span?.setAttribute(`blobstore.${name}`, value)
    if (error) {
      span?.recordException(error as Error)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: String((error as Error).message) })
    }
    span?.end()
  }
  channel.asyncEnd.subscribe(onEnd)
  return () => {
    channel.start.unbindStore(operations)
    channel.asyncEnd.unsubscribe(onEnd)
  }
}
