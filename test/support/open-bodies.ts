import type { BackendObject, BlobBackend } from '../../src/index.ts'
import { meddle } from './meddling.ts'

/** A backend that records which of its bodies are open: not read to their end, nor closed, nor failed. */
export class OpenBodies {
  readonly backend: BlobBackend
  readonly #open = new Set<object>()
  #given = 0

  /** `change` turns the backend's body into the one that is watched. */
  constructor(inner: BlobBackend, change: (body: BackendObject['body']) => BackendObject['body'] = (body) => body) {
    this.backend = meddle(inner, {
      get: async (key, options) => {
        const object = await inner.get(key, options)
        return object && { size: object.size, body: this.watch(change(object.body)) }
      },
    })
  }

  get count(): number {
    return this.#open.size
  }

  /** How many there ever were. */
  get given(): number {
    return this.#given
  }

  watch(body: BackendObject['body']): BackendObject['body'] {
    const close = () => this.#open.delete(watched)
    const watched: BackendObject['body'] = {
      async next() {
        try {
          const next = await body.next()
          if (next.done) close()
          return next
        } catch (error) {
          close()
          throw error
        }
      },
      async return() {
        close()
        await body.return?.()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => watched,
    }
    this.#open.add(watched)
    this.#given += 1
    return watched
  }
}
