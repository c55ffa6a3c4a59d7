import type { BlobStore } from '../blob-store.ts'
import type { BlobStat, Page } from '../metadata/facts.ts'
import { type StoreOperation, type StoreTrace, storeOperations, type TraceResult, traceChannels } from './channels.ts'
import { numbersOf, textOf } from './summary.ts'
import { trace } from './trace.ts'

type AnyCall = (a: unknown, b: unknown, c: unknown) => Promise<unknown>

/** The same store, whose operations tell their tracing channels. Without subscribers a call is passed on as it is. */
export function tracedStore(store: BlobStore): BlobStore {
  const traced = Object.fromEntries(
    storeOperations.map((operation) => [operation, tracedOperation(operation, store[operation] as AnyCall)]),
  )
  return {
    ...store,
    ...traced,
    get times() {
      return store.times
    },
  }
}

function tracedOperation(operation: StoreOperation, call: AnyCall): AnyCall {
  const channel = traceChannels.store[operation]
  const summary = (summaries[operation] ?? nothing) as Summary
  return (a, b, c) => {
    if (!channel.hasSubscribers) return call(a, b, c)
    return trace(channel, messageOf(operation, a, b), () => call(a, b, c), summary)
  }
}

// biome-ignore format: a list of names
const ofNoAccount: ReadonlySet<StoreOperation> = new Set<StoreOperation>([
  'ready', 'close', 'totals', 'accounts',
  'collect', 'sweep', 'scrub', 'backup', 'markBackup', 'migrate', 'recover',
])
// biome-ignore format: a list of names
const ofOneBlob: ReadonlySet<StoreOperation> = new Set<StoreOperation>([
  'read', 'presign', 'stat', 'recordsFor', 'takedown', 'restore',
])

function messageOf(operation: StoreOperation, did: unknown, cid: unknown): StoreTrace {
  const message: StoreTrace = { operation }
  const [account, blob] = [textOf(did), textOf(cid)]
  if (!ofNoAccount.has(operation) && account !== undefined) message.did = account
  if (ofOneBlob.has(operation) && blob !== undefined) message.cid = blob
  return message
}

type Summary = (result: unknown) => TraceResult | undefined

const nothing: Summary = () => undefined
const items = (page: Page<unknown>): TraceResult => ({ items: page.items.length })
const stat = (found: BlobStat | null): TraceResult =>
  found ? { found: true, size: found.size, mimeType: found.mimeType } : { found: false }

const summaries: { [O in StoreOperation]?: (result: Awaited<ReturnType<BlobStore[O]>>) => TraceResult } = {
  upload: ({ ref, size, mimeType }) => ({ cid: String(ref), size, mimeType }),
  read: ({ size, mimeType, range }) => ({ size, mimeType, ...(range && { length: range.end - range.start + 1 }) }),
  applyWrites: numbersOf,
  presign: stat,
  stat,
  list: items,
  listOwn: items,
  listMissing: items,
  accounts: items,
  recordsFor: (uris) => ({ items: uris.length }),
  counts: numbersOf,
  usage: numbersOf,
  totals: numbersOf,
  collect: numbersOf,
  sweep: numbersOf,
  scrub: numbersOf,
  migrate: numbersOf,
  recover: numbersOf,
  backup: numbersOf,
}
