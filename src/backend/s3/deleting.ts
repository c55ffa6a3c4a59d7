import pLimit from 'p-limit'
import type { BlobKey } from '../key.ts'
import type { Names } from './layout.ts'
import { codeOf, statusOf } from './meanings.ts'
import { deleteObject, deleteObjects } from './objects.ts'
import { repeatedly } from './retry.ts'
import type { Service } from './service.ts'

const perRequest = 1000
const requestsAtOnce = 2
const singlesAtOnce = 16

/** Deletes keys by the thousand, or one by one where the service knows no better. */
export class Deleting {
  readonly #service: Service
  readonly #names: Names
  #singly = false

  constructor(service: Service, names: Names) {
    this.#service = service
    this.#names = names
  }

  /** Resolves with the bare errors. */
  async delete(keys: readonly BlobKey[], signal: AbortSignal | undefined): Promise<Map<BlobKey, unknown>> {
    const failed = new Map<BlobKey, unknown>()
    const unique = [...new Set(keys)]
    const batches = Array.from({ length: Math.ceil(unique.length / perRequest) }, (_, n) =>
      unique.slice(n * perRequest, (n + 1) * perRequest),
    )
    await pLimit(requestsAtOnce).map(batches, async (batch) => {
      signal?.throwIfAborted()
      await (this.#singly || batch.length === 1 ? this.#one : this.#many).call(this, batch, failed, signal)
    })
    return failed
  }

  async #many(keys: BlobKey[], failed: Map<BlobKey, unknown>, signal: AbortSignal | undefined): Promise<void> {
    const names = keys.map((key) => this.#names.blob(key))
    try {
      const outcome = await repeatedly(() => deleteObjects(this.#service, names, signal), signal)
      for (const key of keys) {
        const name = this.#names.blob(key)
        if (!outcome.deleted.has(name)) failed.set(key, refusal(outcome.failed.get(name)))
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (isUnknownRequest(error)) {
        this.#singly = true
        return this.#one(keys, failed, signal)
      }
      for (const key of keys) failed.set(key, error)
    }
  }

  async #one(keys: BlobKey[], failed: Map<BlobKey, unknown>, signal: AbortSignal | undefined): Promise<void> {
    await pLimit(singlesAtOnce).map(keys, async (key) => {
      signal?.throwIfAborted()
      await repeatedly(() => deleteObject(this.#service, this.#names.blob(key), signal), signal).catch(
        (error: unknown) => failed.set(key, error),
      )
    })
    signal?.throwIfAborted()
  }
}

/** In the shape of the SDK's errors, so that it is explained as they are. */
function refusal(reason: { code: string; message: string } | undefined): Error {
  if (reason === undefined)
    return Object.assign(new Error('not named as deleted'), { name: 'Unconfirmed', $metadata: {} })
  return Object.assign(new Error(reason.message), { name: reason.code, $metadata: {} })
}

/** Whether the service has no DeleteObjects, or not one that it is asked for in a way it accepts. */
function isUnknownRequest(error: unknown): boolean {
  const status = statusOf(error)
  if (status === 501 || status === 405 || status === 411) return true
  const codes = [
    'NotImplemented',
    'MethodNotAllowed',
    'MissingContentMD5',
    'InvalidRequest',
    'InvalidDigest',
    'MalformedXML',
  ]
  return status === 400 && codes.includes(codeOf(error))
}
