import pRetry from 'p-retry'
import { AnswerReading } from '../answer-reading.ts'
import { checkRange } from '../arguments.ts'
import type { BackendObject, GetOptions } from '../backend.ts'
import type { BlobKey } from '../key.ts'
import { Patience } from '../patience.ts'
import type { ObjectService, PutObjectOptions } from './service.ts'
import { isTransient } from './service-error.ts'

const pauses = { retries: 3, minTimeout: 100, maxTimeout: 5000, factor: 2, randomize: true }

export interface OpenOptions extends GetOptions {
  /** What the range is checked for. */
  key: BlobKey
  explain: (error: unknown) => unknown
}

/** Asks a service, with a deadline for each answer. Errors are the service's own. */
export class Requests {
  readonly #service: ObjectService
  readonly #backend: string
  readonly #timeout: number
  readonly #readings = new Set<AnswerReading>()

  constructor(service: ObjectService, backend: string, timeout: number) {
    this.#service = service
    this.#backend = backend
    this.#timeout = timeout
  }

  /** For what may be asked twice: three times more, when trying again can help. */
  async ask<T>(
    signal: AbortSignal | undefined,
    call: (service: ObjectService, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return await this.#repeatedly(signal, async () => {
      using patience = new Patience(this.#timeout, signal)
      return await call(this.#service, patience.signal)
    })
  }

  /** Once: after an answer that was lost nobody knows what is stored. */
  async put(
    name: string,
    source: AsyncGenerator<Uint8Array>,
    about: Omit<PutObjectOptions, 'signal'>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    using patience = new Patience(this.#timeout, signal)
    const [timeout, heard] = [this.#timeout, () => patience.heard(timeout)]
    async function* body(): AsyncGenerator<Uint8Array> {
      for await (const chunk of source) {
        heard()
        yield chunk
      }
      heard()
    }
    try {
      await this.#service.put(name, body(), { ...about, signal: patience.signal })
    } finally {
      await source.return(undefined) // it may not have been read to its end
    }
  }

  /** An object, or null. What it holds is let go of when its body ends. */
  async open(name: string, { key, range, signal, explain }: OpenOptions): Promise<BackendObject | null> {
    return await this.#repeatedly(signal, async () => {
      const [timeout, patience] = [this.#timeout, new Patience(this.#timeout, signal)]
      try {
        const object = await this.#service.get(name, { range, signal: patience.signal })
        if (object === null) {
          patience[Symbol.dispose]()
          return null
        }
        if (range !== undefined) checkRange(range, object.size, key, this.#backend)
        const length = range === undefined ? object.size : range.end - range.start + 1
        const { size, body } = object
        const readings = this.#readings
        return { size, body: new AnswerReading({ body, length, patience, timeout, explain, readings }) }
      } catch (error) {
        patience.fail(error)
        patience[Symbol.dispose]()
        throw error
      }
    })
  }

  endReadings(error: unknown): void {
    for (const reading of this.#readings) reading.end({ error })
  }

  async #repeatedly<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    const shouldRetry = ({ error }: { error: unknown }): boolean => signal?.aborted !== true && isTransient(error)
    return await pRetry(call, { ...pauses, shouldRetry, ...(signal && { signal }) })
  }
}
