import type { BlobCid } from '../blob/cid.ts'
import { BlobStoreError } from '../errors.ts'
import type { StoreContext } from './context.ts'

/** Where the host has a say, or is told. */
export interface Hooks {
  /**
   * Looks at each upload when its bytes are stored and before it is acknowledged: hash lists, virus scanners, age checks.
   * Resolving with `{ refuse }` rejects the upload with `BlobRefused` and that reason. When it throws, or takes longer than
   * `times.inspect`, the upload is rejected with `InspectionFailed`, which is `transient`, and it is logged. Called for
   * known bytes as for new ones.
   */
  inspect?: ((upload: Inspection) => Promise<Verdict | undefined>) | undefined
  /**
   * A blob can no longer be seen by the public: purge caches. Told after it is committed; not for what happens within a
   * transaction of the host's, which knows itself when that is. Errors are logged.
   */
  onInaccessible?: ((event: Inaccessible) => void | Promise<void>) | undefined
  /**
   * For a host whose records lie in another database: asked by each collection before temporary blobs are forgotten, and
   * answers with those that its records name all the same. They stay for another grace period. The answer must be
   * final, so it must come from under that database's write lock; where it throws, nothing is forgotten.
   */
  referenced?: ((did: string, cids: readonly BlobCid[]) => Promise<Iterable<BlobCid>>) | undefined
}

export interface Inspection {
  did: string
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
  /** The bytes, from the start, each time it is called. A chunk is valid until the next is asked for. */
  read(): AsyncIterable<Uint8Array>
  /** Aborted when the upload is, and at the deadline. */
  signal: AbortSignal
}

export interface Verdict {
  /** Why, in words that the uploader may read. */
  refuse: string
}

export interface Inaccessible {
  /** `*` for every account. */
  did: string
  /** Null for all the account's blobs. */
  cid: BlobCid | null
  /** `hidden`: no record shows it to the public any more. */
  because: 'hidden' | 'takenDown' | 'accountDeleted'
}

/** As the hook sees it, but for reading, which ends with the inspection. */
type Inspected = Omit<Inspection, 'read'> & { read(signal: AbortSignal): AsyncIterable<Uint8Array> }

/** @throws `BlobRefused` `InspectionFailed` */
export async function inspect(store: StoreContext, upload: Inspected): Promise<void> {
  const hook = store.hooks.inspect
  if (!hook) return
  upload.signal.throwIfAborted()
  const { did, cid } = upload
  // What the hook left open, or goes on reading after its deadline, is closed with it.
  const over = new AbortController()
  const deadline = AbortSignal.timeout(store.times.inspect)
  const signal = AbortSignal.any([upload.signal, deadline])
  let reason: string | undefined
  try {
    const verdict = await Promise.race([
      hook({ ...upload, signal, read: () => upload.read(over.signal) }),
      rejectionOf(signal),
    ])
    if (verdict) reason = reasonOf(verdict)
  } catch (cause) {
    upload.signal.throwIfAborted()
    const what = deadline.aborted ? `took longer than ${store.times.inspect} ms` : 'failed'
    store.logger.error({ did, cid, err: cause }, `The hook inspect ${what}: the upload was not acknowledged`)
    throw new BlobStoreError('InspectionFailed', `The inspection of the upload ${what}; try again`, {
      ...{ did, cid, cause },
      transient: true,
    })
  } finally {
    over.abort()
  }
  if (reason !== undefined) throw new BlobStoreError('BlobRefused', `The upload was refused: ${reason}`, { did, cid })
}

/** What is not a verdict must not pass for one, nor for none. */
function reasonOf({ refuse }: Verdict): string {
  if (typeof refuse === 'string') return refuse.slice(0, 300)
  throw new BlobStoreError('InvalidArgument', 'The hook inspect gives { refuse: string }, or undefined to accept')
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Tells the host, who is not waited for. */
export function tellInaccessible({ hooks, logger }: StoreContext, event: Inaccessible): void {
  if (!hooks.onInaccessible) return
  Promise.resolve(event)
    .then(hooks.onInaccessible)
    .catch((error: unknown) => logger.error({ ...event, err: error }, 'The hook onInaccessible failed'))
}
