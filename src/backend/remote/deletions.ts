import pLimit from 'p-limit'
import type { Requests } from './requests.ts'
import type { RemoteService } from './service.ts'

const perRequest = 1000
const batchesAtOnce = 2
const singlesAtOnce = 16

/** Deletes objects in batches of 1000, or one by one if the service has no batch request. */
export class Deletions {
  readonly #service: RemoteService
  readonly #requests: Requests
  #singly: boolean

  constructor(service: RemoteService, requests: Requests) {
    this.#service = service
    this.#requests = requests
    this.#singly = service.deleteMany === undefined
  }

  /** Resolves with the names that failed, and the service's errors. */
  async delete(names: readonly string[], signal: AbortSignal | undefined): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>()
    const unique = [...new Set(names)]
    const batches = Array.from({ length: Math.ceil(unique.length / perRequest) }, (_, n) =>
      unique.slice(n * perRequest, (n + 1) * perRequest),
    )
    const single = pLimit(singlesAtOnce)
    await pLimit(batchesAtOnce).map(batches, async (batch) => {
      signal?.throwIfAborted()
      if (batch.length > 1 && !this.#singly && (await this.#many(batch, failed, signal))) return
      await single.map(batch, (name) => this.#one(name, failed, signal))
    })
    signal?.throwIfAborted()
    return failed
  }

  /** False if the service does not know the request: then nothing was done. */
  async #many(names: readonly string[], failed: Map<string, unknown>, signal?: AbortSignal): Promise<boolean> {
    try {
      const refused = await this.#requests.retryIdempotent(signal, (own) =>
        (this.#service as Required<RemoteService>).deleteMany(names, { signal: own }),
      )
      if (refused === null) {
        this.#singly = true
        return false
      }
      for (const [name, error] of refused) failed.set(name, error)
    } catch (error) {
      signal?.throwIfAborted()
      for (const name of names) failed.set(name, error)
    }
    return true
  }

  async #one(name: string, failed: Map<string, unknown>, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const deleting = this.#requests.retryIdempotent(signal, (own) => this.#service.delete(name, { signal: own }))
    await deleting.catch((error: unknown) => failed.set(name, error))
  }
}
