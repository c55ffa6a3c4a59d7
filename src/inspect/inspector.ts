import { assertDelay, assertOneOf, assertOptions, invalidArgument } from '../options.ts'
import { printable } from '../printable.ts'
import type { InspectionVerdict, UploadInspection } from '../store/hooks.ts'

/** What the hook `inspect` takes. Several are combined with {@link inspectors}. */
export type Inspector = (upload: UploadInspection) => Promise<InspectionVerdict | undefined>

export interface InspectorOptions {
  /**
   * What happens to an upload that could not be inspected, because the file, the scanner or the service failed, or took
   * longer than `timeout`. `refuse`: it fails with `InspectionFailed`, and the client tries again. `accept`: it is stored,
   * and `onFailure` is told. `quarantine`: it is stored, and only moderators see it until they release it. What is
   * inspected again is never accepted by a failure: with `accept` it stays in quarantine.
   * @default 'refuse'
   */
  whenDown?: 'refuse' | 'accept' | 'quarantine' | undefined
  /**
   * The longest time for one upload, in milliseconds. It must be shorter than `times.inspect` of the store, which refuses
   * the upload for now, whatever `whenDown` says.
   * @default 30_000 with `whenDown: 'quarantine'`, otherwise `times.inspect` alone
   */
  timeout?: number | undefined
  /** Told of each failure, whatever becomes of the upload. */
  onFailure?: ((error: unknown, upload: UploadInspection) => void) | undefined
}

/** Of an inspector that finds something itself, instead of asking a service for its verdict. */
export interface FindingOptions extends InspectorOptions {
  /**
   * What happens to an upload in which something is found. `refuse`: it fails with `BlobRefused`. `quarantine`: it is
   * stored, and only moderators see it until they release it.
   * @default 'refuse'
   */
  verdict?: 'refuse' | 'quarantine' | undefined
}

/**
 * One inspector of several: each is asked in this order until one refuses. Put the cheapest first. If none refuses, and
 * some quarantine, the upload is quarantined with all their reasons.
 *
 * @example
 * ```ts
 * import { clamd, hashList, inspectors } from 'pds-blobstore/inspect'
 *
 * export const inspect = inspectors(hashList('/etc/pds/banned.txt'), clamd({ socket: '/run/clamav/clamd.ctl' }))
 * ```
 */
export function inspectors(...all: readonly Inspector[]): Inspector {
  if (all.some((one) => typeof one !== 'function')) throw invalidArgument('inspectors', 'each must be an inspector')
  return async (upload) => {
    const reasons: string[] = []
    for (const inspect of all) {
      const verdict = await inspect(upload)
      if (verdict === undefined) continue
      if (typeof verdict.quarantine !== 'string') return verdict // the store says what is wrong with one that is none
      reasons.push(verdict.quarantine)
    }
    return reasons.length === 0 ? undefined : { quarantine: reasons.join('; ') }
  }
}

/** @throws `InvalidArgument` */
export function assertInspectorOptions(what: string, options: FindingOptions, others: readonly string[]): void {
  assertOptions(what, options, [...others, 'whenDown', 'timeout', 'onFailure'])
  assertOneOf(`${what}: whenDown`, options.whenDown, ['refuse', 'accept', 'quarantine'])
  assertOneOf(`${what}: verdict`, options.verdict, ['refuse', 'quarantine'])
  if (options.timeout !== undefined) assertDelay(`${what}: timeout`, options.timeout, 1)
}

/** The inspector with what its options say of failures. `what` is its name, for moderators. */
export function guarded(what: string, inspect: Inspector, options: InspectorOptions): Inspector {
  const { whenDown = 'refuse', onFailure } = options
  const { timeout = whenDown === 'quarantine' ? 30_000 : undefined } = options
  return async (upload) => {
    try {
      return await (timeout === undefined ? inspect(upload) : inTime(inspect, upload, timeout))
    } catch (error) {
      upload.signal.throwIfAborted() // the upload ended, or its time is over: that is no failure of the inspector
      onFailure?.(error, upload)
      // What waits in quarantine may be a known virus: only a scanner that has looked may release it.
      if (whenDown === 'refuse' || (whenDown === 'accept' && upload.again)) throw error
      if (whenDown === 'accept') return undefined
      return { quarantine: `${what} could not inspect it: ${printable(messageOf(error), 300)}` }
    }
  }
}

/** An inspector that ignores its signal is left behind. */
async function inTime(
  inspect: Inspector,
  upload: UploadInspection,
  timeout: number,
): Promise<InspectionVerdict | undefined> {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new Error(`it took longer than ${timeout} ms`)
      late.abort(error)
      reject(error)
    }, timeout)
  })
  try {
    const signal = AbortSignal.any([upload.signal, late.signal])
    return await Promise.race([inspect({ ...upload, signal }), tooLate])
  } finally {
    clearTimeout(timer)
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
