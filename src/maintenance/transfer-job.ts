import pLimit, { type LimitFunction } from 'p-limit'
import type { CallOptions } from '../backend/backend.ts'
import { isBlobStoreError } from '../errors.ts'
import { assertWhole } from '../options.ts'
import { isError } from '../shapes.ts'
import { Pace } from './pace.ts'

/** After so many failures in a row, something is down. */
const maxFailures = 20

export const transferOptions: readonly (keyof TransferOptions<TransferReport>)[] = [
  'concurrency',
  'bytesPerSecond',
  'dryRun',
  'onFinding',
  'onProgress',
  'signal',
]

export interface TransferOptions<Report extends TransferReport> extends CallOptions {
  /** How many blobs are copied at once. @default 4 */
  concurrency?: number | undefined
  /** Reads at most so many bytes a second on average. @default no limit */
  bytesPerSecond?: number | undefined
  /** Only determines what would be done; the bytes are not read. @default false */
  dryRun?: boolean | undefined
  /** Called with each finding, at once. */
  onFinding?: ((finding: Report['findings'][number]) => void) | undefined
  /** Called after each blob. */
  onProgress?: ((report: Report) => void) | undefined
}

/** What the reports of `migrate`, imports and exports have in common. */
export interface TransferReport {
  /** Blobs examined so far. */
  examined: number
  findings: object[]
}

type FindingOf<Report extends TransferReport> = Report['findings'][number]

/** What `migrate`, imports and exports have in common: concurrency, rate, reports, and when to give up. */
export class TransferJob<Report extends TransferReport> {
  readonly report: Report
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
  readonly #options: TransferOptions<Report>
  readonly #limit: LimitFunction
  readonly #pace: Pace
  #failedInARow = 0
  #gaveUp: { error: unknown } | undefined

  /** @throws `InvalidArgument` */
  constructor(what: string, report: Report, options: TransferOptions<Report>) {
    const { concurrency = 4, bytesPerSecond, dryRun = false, signal } = options
    assertWhole(`${what}: concurrency`, concurrency, 1)
    if (bytesPerSecond !== undefined) assertWhole(`${what}: bytesPerSecond`, bytesPerSecond, 1)
    this.report = report
    this.dryRun = dryRun
    this.signal = signal
    this.#options = options
    this.#limit = pLimit(concurrency)
    this.#pace = new Pace(bytesPerSecond)
  }

  /** Waits until the rate allows so many more bytes. */
  wait(bytes: number): Promise<void> {
    return this.#pace.wait(bytes, this.signal)
  }

  found(finding: FindingOf<Report>): void {
    this.report.findings.push(finding)
    this.#options.onFinding?.(finding)
  }

  /** Runs the work for each, some at once. When it settles, all have ended: nothing continues in the background. */
  async forEach<T>(
    items: readonly T[],
    work: (item: T) => Promise<void>,
    failed: (item: T, error: Error) => FindingOf<Report>,
  ): Promise<void> {
    const ended = await Promise.allSettled(items.map((item) => this.#limit(() => this.#one(item, work, failed))))
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  async #one<T>(
    item: T,
    work: (item: T) => Promise<void>,
    failed: (item: T, error: Error) => FindingOf<Report>,
  ): Promise<void> {
    this.signal?.throwIfAborted()
    if (this.#gaveUp) throw this.#gaveUp.error
    try {
      await work(item)
      this.#failedInARow = 0
    } catch (error) {
      this.signal?.throwIfAborted()
      if (error instanceof PassedOver) throw error
      if (!isError(error) || (!isAboutThis(error) && ++this.#failedInARow >= maxFailures)) {
        this.#gaveUp = { error }
        throw error
      }
      this.found(failed(item, error))
    }
    this.report.examined += 1
    this.#options.onProgress?.({ ...this.report })
  }
}

/** Errors about one blob or account: many of them do not mean that something is down. */
function isAboutThis(error: Error): boolean {
  return aboutThis.some((code) => isBlobStoreError(error, code))
}

const aboutThis = [
  'AccountDeleted',
  'BlobNotFound',
  'BlobRefused',
  'BlobTakenDown',
  'InvalidArgument',
  'InvalidBlobRef',
  'InvalidMimeType',
  'InvalidSize',
  'PayloadTooLarge',
] as const

/**
 * The rest of an account, or of a folder, cannot be transferred: it is reported once, and the job continues. Does not
 * count as a failure of something that is down.
 */
export class PassedOver extends Error {
  readonly problem: 'unreadable' | 'failed'
  readonly place: string

  constructor(problem: PassedOver['problem'], place: string, cause: Error) {
    super(cause.message, { cause })
    this.problem = problem
    this.place = place
  }
}
