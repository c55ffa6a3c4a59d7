import { BlobStoreError } from '../../errors.ts'
import type { StoreContext } from '../context.ts'
import type { InspectionVerdict, UploadInspection } from '../hooks.ts'

/** The hook's argument, except that `read` takes a signal: reading ends with the inspection. */
export type Inspected = Omit<UploadInspection, 'read'> & { read(signal: AbortSignal): AsyncIterable<Uint8Array> }

/** @throws `BlobRefused` `InspectionFailed` */
export async function inspect(store: StoreContext, upload: Inspected): Promise<void> {
  const hook = store.hooks.inspect
  if (!hook) return
  upload.signal.throwIfAborted()
  const { did, cid } = upload
  // What the hook left open, or continues to read after its timeout, is closed with it.
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

/** Anything that is not a verdict must count neither as a refusal nor as an acceptance. */
function reasonOf({ refuse }: InspectionVerdict): string {
  if (typeof refuse === 'string') return refuse.slice(0, 300)
  throw new BlobStoreError('InvalidArgument', 'The hook inspect must return { refuse: string }, or undefined to accept')
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
