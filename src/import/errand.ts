import pLimit, { type LimitFunction } from 'p-limit'
import { Pace } from '../maintenance/pace.ts'
import { assertWhole } from '../options.ts'
import type { ImportFinding, ImportOptions, ImportReport } from './report.ts'

/** So many in a row fail only when something is down. */
const patience = 20

export const errandOptions = [
  'concurrency',
  'bytesPerSecond',
  'dryRun',
  'onFinding',
  'onProgress',
  'signal',
] as const satisfies (keyof ImportOptions)[]

/** What imports have in common: how many at once, how fast, what is reported, and when it is no use to go on. */
export class Errand<Report extends ImportReport = ImportReport> {
  readonly report: Report
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
  readonly #options: ImportOptions
  readonly #limit: LimitFunction
  readonly #pace: Pace
  #failedInARow = 0
  #gaveUp: { error: unknown } | undefined

  /** @throws `InvalidArgument` */
  constructor(what: string, report: Report, options: ImportOptions) {
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

  /** Waits until so many more bytes are in time. */
  wait(bytes: number): Promise<void> {
    return this.#pace.wait(bytes, this.signal)
  }

  found(finding: ImportFinding): void {
    this.report.findings.push(finding)
    this.#options.onFinding?.(finding)
  }

  /** Does the work for each, some at once. All have ended when it settles: nothing goes on behind the caller's back. */
  async forEach<T>(
    items: readonly T[],
    about: (item: T) => Omit<ImportFinding, 'problem'>,
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    const ended = await Promise.allSettled(items.map((item) => this.#limit(() => this.#one(item, about, work))))
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  async #one<T>(
    item: T,
    about: (item: T) => Omit<ImportFinding, 'problem'>,
    work: (item: T) => Promise<void>,
  ): Promise<void> {
    this.signal?.throwIfAborted()
    if (this.#gaveUp) throw this.#gaveUp.error
    try {
      await work(item)
      this.#failedInARow = 0
    } catch (error) {
      this.signal?.throwIfAborted()
      if (!(error instanceof Error) || ++this.#failedInARow >= patience) {
        this.#gaveUp = { error }
        throw error
      }
      this.found({ ...about(item), problem: 'failed', error })
    }
    this.report.examined += 1
    this.#options.onProgress?.({ ...this.report })
  }
}
