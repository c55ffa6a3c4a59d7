import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { ByteRange } from '../backend/backend.ts'

/** The operations of a store that are traced, each on the channel `pds-blobstore:<operation>`. */
// biome-ignore format: by what they are about
export const storeOperations = [
  'ready', 'close',
  'upload', 'applyWrites', 'read', 'presign', 'stat',
  'listPublic', 'listSpace', 'listAll', 'listMissing', 'importProgress', 'recordsFor', 'usage',
  'takedown', 'reverseTakedown', 'purge', 'listPurges', 'listTakedowns', 'listHolders', 'locate', 'dropSpace', 'deleteAccount', 'reopenAccount',
  'collect', 'sweep', 'scrub', 'stats', 'health', 'listAccounts', 'backup', 'markBackup', 'mirror', 'heal', 'migrate', 'recover',
] as const

/** Those of `store.resumable`, each on the channel `pds-blobstore:resumable.<method>`. */
export const resumableMethods = ['create', 'append', 'putPart', 'stat', 'finish', 'abort'] as const

/** The methods of a backend that are traced, each on the channel `pds-blobstore:backend:<method>`. */
// biome-ignore format: by what they are about
export const backendMethods = [
  'open', 'close',
  'spool', 'put', 'get', 'has', 'delete', 'list', 'presign',
  'sweepSpools', 'readMarker', 'claimMarker', 'writeMarker',
] as const

export type ResumableMethod = (typeof resumableMethods)[number]
export type StoreOperation = (typeof storeOperations)[number] | `resumable.${ResumableMethod}`
export type BackendMethod = (typeof backendMethods)[number]

/**
 * The message to subscribers of a store's operation, one object from `start` to `asyncEnd`. No bytes, no credentials,
 * no signed addresses. DIDs and CIDs have many values: use them as attributes of spans, not as labels of metrics.
 */
export interface StoreTrace {
  operation: StoreOperation
  /** As the caller gave it, if the operation is on one account. */
  did?: string
  /** As the caller gave it, if the operation is on one blob. */
  cid?: string
  /** The result, from `asyncEnd` on; absent when it failed. */
  result?: TraceResult
  /** The error it rejected with: a `BlobStoreError`, or the reason of an abort. */
  error?: unknown
}

/**
 * The message to subscribers of a backend's method. The bytes of a body, or into a spool, pass between calls: they are
 * not traced.
 */
export interface BackendTrace {
  method: BackendMethod
  /** The backend's name. */
  backend: string
  /** Of `put`, `get`, `has` and `presign`. */
  key?: string
  /** Of `put`, in bytes. */
  size?: number
  /** Of `get`. */
  range?: ByteRange
  /** Of `delete`: how many. */
  keys?: number
  result?: TraceResult
  error?: unknown
}

/**
 * | operation | has |
 * |---|---|
 * | `upload`, `resumable.finish`, `stat`, `read`, `get` | `size` of the whole in bytes; the store's also `mimeType`, the first two the `cid` |
 * | `read` with a range, `get` with one | `length`, the bytes requested |
 * | `stat`, `presign`, `get`, `has` | `found` |
 * | lists | `items`, how many are on the page |
 * | `delete` | `failed`, how many could not be |
 * | `collect`, `sweep`, `scrub`, `mirror`, `heal`, `migrate`, `recover`, `purge`, `backup`, `usage`, `importProgress`, `stats` | the numbers of their report |
 */
export type TraceResult = Readonly<Record<string, number | string | boolean | undefined>>

/** A tracing channel whose messages are all of one type. */
export type Traced<Message extends object> = TracingChannel<object, Message>

const resumableOperations = resumableMethods.map((method) => `resumable.${method}` as const)

const storeChannels = Object.fromEntries(
  [...storeOperations, ...resumableOperations].map((operation) => [
    operation,
    tracingChannel(`pds-blobstore:${operation}`),
  ]),
) as unknown as Readonly<Record<StoreOperation, Traced<StoreTrace>>>

const backendChannels = Object.fromEntries(
  backendMethods.map((method) => [method, tracingChannel(`pds-blobstore:backend:${method}`)]),
) as unknown as Readonly<Record<BackendMethod, Traced<BackendTrace>>>

/**
 * The tracing channels of `node:diagnostics_channel`, so that you need not write their names. They belong to the
 * process, and so to all of its stores. Without subscribers they cost nothing.
 *
 * @example
 * ```ts
 * import { traceChannels } from 'pds-blobstore'
 *
 * let bytesUploaded = 0
 * traceChannels.store.upload.asyncEnd.subscribe((message) => {
 *   const { result, error } = message as { result?: { size?: number }; error?: unknown }
 *   if (!error) bytesUploaded += result?.size ?? 0
 * })
 * ```
 */
export const traceChannels: {
  readonly store: Readonly<Record<StoreOperation, Traced<StoreTrace>>>
  readonly backend: Readonly<Record<BackendMethod, Traced<BackendTrace>>>
} = { store: storeChannels, backend: backendChannels }
