import { BlobStoreError } from '../errors.ts'

/**
 * Everything that may end an upload from outside, as one signal: the caller's abort, silence, and the deadline.
 */
export class Interruption implements Disposable {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #silence: NodeJS.Timeout
  readonly #deadline: NodeJS.Timeout
  readonly #caller: AbortSignal | undefined

  constructor(limits: { idle: number; total: number }, caller: AbortSignal | undefined) {
    caller?.throwIfAborted()
    this.signal = this.#controller.signal
    this.#caller = caller
    caller?.addEventListener('abort', this.#forward)
    this.#silence = setTimeout(() => this.#end(`sent nothing for ${limits.idle} ms`), limits.idle)
    this.#deadline = setTimeout(() => this.#end(`took longer than ${limits.total} ms`), limits.total)
  }

  /** A sign of life. */
  heard(): void {
    this.#silence.refresh()
  }

  /** The source has ended: silence is no reproach any more. */
  received(): void {
    clearTimeout(this.#silence)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#silence)
    clearTimeout(this.#deadline)
    this.#caller?.removeEventListener('abort', this.#forward)
  }

  readonly #forward = (): void => this.#controller.abort(this.#caller?.reason)

  #end(why: string): void {
    this.#controller.abort(new BlobStoreError('UploadTimeout', `The upload ${why}; try again`, { transient: true }))
  }
}
