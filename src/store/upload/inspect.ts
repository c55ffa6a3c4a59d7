import { BlobStoreError } from '../../errors.ts'
import { printable } from '../../printable.ts'
import type { StoreContext } from '../context.ts'
import type { InspectionVerdict, QuarantinedEvent, UploadInspection } from '../hooks.ts'

/** The hook's argument, except that `read` takes a signal: reading ends with the inspection. */
export type Inspected = Omit<UploadInspection, 'read'> & { read(signal: AbortSignal): AsyncIterable<Uint8Array> }

/**
 * Resolves with the reason to quarantine the blob; undefined to accept it.
 *
 * @throws `BlobRefused` `InspectionFailed`
 */
export async function inspect(store: StoreContext, upload: Inspected): Promise<string | undefined> {
  const hook = store.hooks.inspect
  if (!hook) return undefined
  upload.signal.throwIfAborted()
  const { did, cid } = upload
  // What the hook left open, or continues to read after its timeout, is closed with it.
  const over = new AbortController()
  const deadline = AbortSignal.timeout(store.times.inspect)
  const signal = AbortSignal.any([upload.signal, deadline])
  let verdict: InspectionVerdict | undefined
  try {
    verdict = await Promise.race([
      hook({ ...upload, signal, read: () => upload.read(over.signal) }),
      rejectionOf(signal),
    ])
    if (verdict) assertVerdict(verdict)
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
  if (verdict?.refuse === undefined) return verdict && printable(verdict.quarantine, 999)
  throw new BlobStoreError('BlobRefused', `The upload was refused: ${verdict.refuse.slice(0, 300)}`, { did, cid })
}

/** Anything that is not a verdict must count neither as a refusal nor as an acceptance. */
function assertVerdict({ refuse, quarantine }: InspectionVerdict): void {
  if (typeof (refuse ?? quarantine) === 'string' && (refuse === undefined || quarantine === undefined)) return
  const verdicts = '{ refuse: string } or { quarantine: string }'
  throw new BlobStoreError('InvalidArgument', `The hook inspect must return ${verdicts}, or undefined to accept`)
}

/** Notifies the host; need not be awaited, and never fails. */
export function notifyQuarantined({ hooks, logger }: StoreContext, event: QuarantinedEvent): void {
  Promise.resolve(event)
    .then(hooks.onQuarantined)
    .catch((err: unknown) => logger.error({ ...event, err }, 'The hook onQuarantined failed'))
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
