import { AnswerReading } from '../answer-reading.ts'
import { Patience } from '../patience.ts'
import type { OpenObject } from './objects.ts'
import type { Service } from './service.ts'

export interface ReadingOptions {
  signal: AbortSignal | undefined
  /** Turns an error of the stream into the library's. */
  explain: (error: unknown) => unknown
  /** Where it enters itself for as long as it holds the socket. */
  readings: Set<AnswerReading>
}

/** The bytes of an answer. Ended early, it lets go of the socket at once. */
export function readingOf(object: OpenObject, service: Service, options: ReadingOptions): AnswerReading {
  const { body: stream, length } = object
  const { socketTimeout: timeout } = service.limits
  const { signal, explain, readings } = options
  const patience = new Patience(timeout, signal)
  patience.signal.addEventListener('abort', () => stream.destroy(), { once: true })
  stream.on('error', () => {}) // heard by `next`, if anybody asks
  return new AnswerReading({ body: stream, length, patience, timeout, explain, readings })
}

/** All the bytes of an answer, as a small object has them. Errors are bare. */
export async function readAll(object: OpenObject, service: Service, signal: AbortSignal | undefined): Promise<Buffer> {
  const explain = (error: unknown): unknown => error
  const chunks: Uint8Array[] = []
  for await (const chunk of readingOf(object, service, { signal, explain, readings: new Set() })) chunks.push(chunk)
  return Buffer.concat(chunks)
}
