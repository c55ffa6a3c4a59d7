import { BlobStoreError } from '../../errors.ts'
import { Turns } from './turns.ts'
import { type Work, WorkerProcess } from './worker-process.ts'

export interface PoolOptions {
  workers: number
  queue: number
  timeout: number
  maxPixels: number
  maxMemory: number
  sharp: string
}

const idleTime = 60_000

/**
 * The decoding processes: started when there is work, one image each at a time, and ended a minute after their last
 * work. A process that was killed or crashed is replaced with the next work.
 */
export class WorkerPool {
  readonly #options: PoolOptions
  readonly #turns: Turns
  readonly #busy = new Set<WorkerProcess>()
  /** The most recently used one is last. Each has the timer that ends it. */
  readonly #idle = new Map<WorkerProcess, NodeJS.Timeout>()
  readonly #closing = new AbortController()

  constructor(options: PoolOptions) {
    this.#options = options
    this.#turns = new Turns(options.workers, options.queue)
  }

  /**
   * Generates one image.
   *
   * @throws `ImageRefused` `ImagesBusy` `ImagesFailed` `StoreClosed`
   */
  async run(work: Work, signal: AbortSignal): Promise<Uint8Array> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    await this.#turns.take(either)
    try {
      const worker = await this.#worker()
      try {
        return await worker.run(work, this.#options.timeout, either)
      } finally {
        this.#putBack(worker)
      }
    } finally {
      this.#turns.done()
    }
  }

  /**
   * Starts a process if there is none, so that what would fail with the first image fails now.
   *
   * @throws `ImagesFailed` `StoreClosed`
   */
  async check(): Promise<void> {
    await this.#turns.take(this.#closing.signal)
    try {
      this.#putBack(await this.#worker())
    } finally {
      this.#turns.done()
    }
  }

  close(): void {
    const closed = new BlobStoreError('StoreClosed', 'The images were closed')
    this.#closing.abort(closed)
    for (const worker of [...this.#busy, ...this.#idle.keys()]) worker.kill(closed)
    for (const timer of this.#idle.values()) clearTimeout(timer)
    this.#idle.clear()
  }

  async #worker(): Promise<WorkerProcess> {
    for (const [worker, timer] of [...this.#idle].reverse()) {
      clearTimeout(timer)
      this.#idle.delete(worker)
      if (!worker.alive) continue // it died while idle
      this.#busy.add(worker)
      return worker
    }
    const { sharp, maxMemory, maxPixels } = this.#options
    const worker = new WorkerProcess({ sharp, maxMemory, maxPixels })
    this.#busy.add(worker)
    try {
      await worker.start()
      return worker
    } catch (error) {
      this.#busy.delete(worker)
      throw error
    }
  }

  #putBack(worker: WorkerProcess): void {
    this.#busy.delete(worker)
    if (!worker.alive) return
    // Memory that the allocator keeps counts for the next image, so a new process is better.
    if (worker.memory > this.#options.maxMemory / 2 || this.#closing.signal.aborted) {
      worker.kill(this.#closing.signal.reason)
      return
    }
    const timer = setTimeout(() => {
      this.#idle.delete(worker)
      worker.kill(undefined)
    }, idleTime).unref()
    this.#idle.set(worker, timer)
  }
}
