import { BlobStoreError } from '../../errors.ts'

export interface InterruptionLimits {
  /** The longest silence, in milliseconds. */
  idle: number
  /** How long the upload may take, in addition to what its bytes need at `steadyRate`. In milliseconds. */
  total: number
  /** The most time that bytes may add to `total`, in milliseconds. */
  allowance: number
  /** In bytes a second, over each `window` of waiting. 0 for none. */
  minRate: number
  /** In milliseconds. @default a minute */
  window?: number
}

/** Bytes a second (1 Mbit/s). The total time never ends a faster upload. */
const steadyRate = 128 * 1024

/** The longest extension of an upload's lease, whatever it may send. */
const mostAllowance = 24 * 3_600_000

/** The numbers that {@link allowanceFor} uses. */
export const allowance: { readonly rate: number; readonly most: number } = { rate: steadyRate, most: mostAllowance }

/** How many milliseconds so many bytes add to the time that an upload may take. */
export function allowanceFor(bytes: number): number {
  return Math.min(mostAllowance, Math.ceil((bytes / steadyRate) * 1000))
}

/**
 * Everything that may end an upload from outside, as one signal: an abort of one of `callers`, silence, too low a rate,
 * and the time limit, which bytes extend.
 */
export class Interruption implements Disposable {
  readonly signal: AbortSignal
  readonly #controller = new AbortController()
  readonly #limits: InterruptionLimits
  readonly #callers: readonly AbortSignal[]
  readonly #silence: NodeJS.Timeout
  #deadline: NodeJS.Timeout
  #prolonged = 0
  #bytes = 0
  #waitingSince = 0
  #window = { waited: 0, bytes: 0 }

  constructor(limits: InterruptionLimits, callers: readonly (AbortSignal | undefined)[]) {
    this.#callers = callers.filter((caller) => caller !== undefined)
    for (const caller of this.#callers) caller.throwIfAborted()
    this.signal = this.#controller.signal
    this.#limits = limits
    for (const caller of this.#callers) caller.addEventListener('abort', this.#forward)
    this.#silence = setTimeout(() => this.#end(`sent nothing for ${limits.idle} ms`), limits.idle)
    this.#deadline = setTimeout(this.#onDeadline, limits.total)
  }

  /** From now on the source is waited for: only this time counts towards its rate. */
  waiting(): void {
    this.#waitingSince = performance.now()
  }

  /** So many bytes arrived. */
  heard(bytes: number): void {
    this.#silence.refresh()
    this.#bytes += bytes
    const { minRate, window = 60_000 } = this.#limits
    const [waited, came] = [this.#window.waited + performance.now() - this.#waitingSince, this.#window.bytes + bytes]
    this.#window = waited < window ? { waited, bytes: came } : { waited: 0, bytes: 0 }
    if (waited < window || came >= (minRate * waited) / 1000) return
    this.#end(`sent ${came} bytes in ${Math.round(waited)} ms, and at least ${minRate} a second are required`)
  }

  /** The source has ended: from now on silence does not count. */
  received(): void {
    clearTimeout(this.#silence)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#silence)
    clearTimeout(this.#deadline)
    for (const caller of this.#callers) caller.removeEventListener('abort', this.#forward)
  }

  readonly #forward = (event: Event): void => this.#controller.abort((event.target as AbortSignal).reason)

  readonly #onDeadline = (): void => {
    const { total, allowance } = this.#limits
    const allowed = Math.min(allowance, allowanceFor(this.#bytes))
    const more = allowed - this.#prolonged
    if (more <= 0) {
      this.#end(`took longer than ${total} ms, besides what its bytes need at ${steadyRate} a second`)
      return
    }
    this.#prolonged = allowed
    this.#deadline = setTimeout(this.#onDeadline, more)
  }

  #end(why: string): void {
    this.#controller.abort(new BlobStoreError('UploadTimeout', `The upload ${why}; try again`, { transient: true }))
  }
}
