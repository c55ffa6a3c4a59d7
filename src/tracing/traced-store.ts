import type { BlobStore } from '../blob-store.ts'
import type { BlobPage, BlobStat } from '../metadata/types.ts'
import {
  type ResumableMethod,
  resumableMethods,
  type StoreOperation,
  type StoreTrace,
  storeOperations,
  type TraceResult,
  traceChannels,
} from './channels.ts'
import { trace } from './trace.ts'

type AnyCall = (...args: unknown[]) => Promise<unknown>

/**
 * The same store, whose operations are published on their tracing channels. Without subscribers a call is passed on
 * directly.
 */
export function tracedStore(store: BlobStore): BlobStore {
  const traced = Object.fromEntries(
    storeOperations.map((operation) => [operation, tracedOperation(operation, store[operation] as AnyCall)]),
  )
  const resumable = Object.fromEntries(
    resumableMethods.map((method) => [
      method,
      tracedOperation(`resumable.${method}`, store.resumable[method] as AnyCall),
    ]),
  ) as unknown as BlobStore['resumable']
  return {
    ...store,
    ...traced,
    resumable,
    get times() {
      return store.times
    },
    get hooks() {
      return store.hooks
    },
  }
}

function tracedOperation(operation: StoreOperation, call: AnyCall): AnyCall {
  const channel = traceChannels.store[operation]
  const summary = (summaries[operation] ?? nothing) as Summary
  return (...args) => {
    if (!channel.hasSubscribers) return call(...args)
    return trace(channel, messageOf(operation, args[0], args[1]), () => call(...args), summary)
  }
}

// biome-ignore format: a list of names
const ofNoAccount: ReadonlySet<StoreOperation> = new Set<StoreOperation>([
  'ready', 'close', 'stats', 'health', 'listAccounts', 'listPurges', 'listTakedowns', 'listHolders', 'locate',
  'collect', 'sweep', 'scrub', 'backup', 'markBackup', 'mirror', 'heal', 'migrate', 'recover',
])
// biome-ignore format: a list of names
const ofOneBlob: ReadonlySet<StoreOperation> = new Set<StoreOperation>([
  'read', 'presign', 'stat', 'recordsFor', 'takedown', 'reverseTakedown', 'purge',
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
const items = (page: BlobPage<unknown>): TraceResult => ({ items: page.items.length })
const stat = (found: BlobStat | null): TraceResult =>
  found ? { found: true, size: found.size, mimeType: found.mimeType } : { found: false }

type Method<O extends StoreOperation> = O extends keyof BlobStore
  ? BlobStore[O]
  : O extends `resumable.${infer M extends ResumableMethod}`
    ? BlobStore['resumable'][M]
    : never

const stored = ({ ref, size, mimeType }: Awaited<ReturnType<BlobStore['upload']>>): TraceResult => ({
  cid: String(ref),
  size,
  mimeType,
})

const summaries: {
  [O in StoreOperation]?: (result: Awaited<ReturnType<Extract<Method<O>, (...args: never) => unknown>>>) => TraceResult
} = {
  upload: stored,
  'resumable.finish': stored,
  read: ({ size, mimeType, range }) => ({ size, mimeType, ...(range && { length: range.end - range.start + 1 }) }),
  applyWrites: numbersOf,
  presign: stat,
  stat,
  listPublic: items,
  listSpace: items,
  dropSpace: numbersOf,
  listAll: items,
  listMissing: items,
  listAccounts: items,
  listPurges: items,
  listTakedowns: items,
  listHolders: items,
  locate: (found) => ({ found: found !== null, ...(found && { size: found.size }) }),
  reverseTakedown: numbersOf,
  purge: numbersOf,
  recordsFor: (uris) => ({ items: uris.length }),
  importProgress: numbersOf,
  usage: numbersOf,
  stats: numbersOf,
  health: numbersOf,
  collect: numbersOf,
  sweep: numbersOf,
  scrub: numbersOf,
  mirror: numbersOf,
  heal: numbersOf,
  migrate: numbersOf,
  recover: numbersOf,
  backup: numbersOf,
}

/** The numbers of a report, and the lengths of its lists: the members of a list do not belong into a trace. */
function numbersOf(report: object): TraceResult {
  const numbers: Record<string, number | boolean> = {}
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number' || typeof value === 'boolean') numbers[name] = value
    else if (Array.isArray(value)) numbers[name] = value.length
  }
  return numbers
}

/** A caller's argument as text; nothing if that is impossible, because then the operation itself reports it. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return undefined
  try {
    return String(value)
  } catch {
    return undefined
  }
}
