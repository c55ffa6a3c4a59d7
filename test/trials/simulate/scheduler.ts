import type { World } from './world.ts'

/** A process of the host: its calls belong to it, and end with it. */
export interface Process {
  readonly name: string
  alive: boolean
}

interface Waiting {
  what: string
  process: Process
  /** It sleeps until then: a worker that is paused, or a request that is slow. */
  notBefore: number
  /** It happens even after its process has died: a request that was already sent. */
  outlives: boolean
  go(): unknown
}

const hour = 3_600_000

/**
 * Decides who continues. Every call to backend and database waits here; one at a time is released, at random, and runs
 * until all wait again. A timer also waits here, from when it is due: processes may be late for their own timeouts.
 */
export class Scheduler {
  steps = 0
  #fingerprint = 0
  /** What happens, for debugging. */
  tell: (line: () => string) => void = () => {}
  /** How probable it is that a call sleeps for hours. */
  sleeping: number = 1 / 80
  readonly #world: World
  #waiting: Waiting[] = []

  constructor(world: World) {
    this.#world = world
  }

  /**
   * Runs a call when it is its turn; its response comes at another. An abort is noticed at once, but may come too late
   * to stop the call.
   */
  async call<T>(
    what: string,
    process: Process,
    effect: () => Promise<T>,
    { outlives = false, signal }: { outlives?: boolean; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const answer = (deliver: () => void) => this.#wait(`${what} answered`, process, deliver)
      const go = () =>
        effect().then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        )
      const waiting = this.#wait(what, process, go, outlives)
      const onAbort = (): void => {
        if (this.#world.chance(0.5)) this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** Waits for its turn. */
  turn(what: string, process: Process): Promise<void> {
    return new Promise((resolve) => this.#wait(what, process, resolve))
  }

  /** Nothing of the process happens any more, except requests that were already sent. */
  kill(process: Process): void {
    process.alive = false
    this.#waiting = this.#waiting.filter((one) => one.process !== process || (one.outlives && this.#world.chance(0.5)))
    for (const timer of this.#world.timers) if (timer.owner === process) this.#world.timers.delete(timer)
    this.tell(() => `${process.name} is killed`)
  }

  /** Releases one after the other until `done`, with a check in between. */
  async run(done: () => boolean, look: () => Promise<void>): Promise<void> {
    let idle = 0
    await quiet()
    while (!done()) {
      idle = (await this.#step()) ? 0 : idle + 1
      if (idle > 1000) throw new Error('Deadlock: nothing waits, but it is not done')
      if (this.steps > 1_000_000) throw new Error('It does not end')
      await look()
    }
  }

  get fingerprint(): string {
    return (this.#fingerprint >>> 0).toString(16).padStart(8, '0')
  }

  /** Requests of dead processes that have not happened yet. */
  get late(): number {
    return this.#waiting.filter(({ process }) => !process.alive).length
  }

  #wait(what: string, process: Process, go: Waiting['go'], outlives = false): Waiting {
    const world = this.#world
    const sleep = world.chance(this.sleeping) ? world.below(40 * hour) : 0
    const waiting = { what, process, outlives, go, notBefore: world.now + sleep }
    if (process.alive) this.#waiting.push(waiting)
    return waiting
  }

  async #step(): Promise<boolean> {
    const world = this.#world
    const ready = this.#waiting.filter(({ notBefore }) => notBefore <= world.now)
    const ringing = [...world.timers].filter(({ due }) => due <= world.now)
    if (ready.length + ringing.length === 0) {
      const next = Math.min(
        ...this.#waiting.map(({ notBefore }) => notBefore),
        ...[...world.timers].map(({ due }) => due),
      )
      if (Number.isFinite(next)) world.now = next
      await quiet()
      return Number.isFinite(next)
    }
    this.steps += 1
    world.now += world.below(3)
    const at = world.below(ready.length + ringing.length)
    this.#fingerprint = (Math.imul(this.#fingerprint, 31) + at + ready.length * 64 + (world.now % 1_000_000)) | 0
    const one = ready[at]
    if (one) {
      this.#waiting.splice(this.#waiting.indexOf(one), 1)
      world.owner = one.process
      this.tell(() => `${one.process.name} ${one.what}`)
      await one.go()
    } else {
      const timer = ringing[at - ready.length]
      world.owner = timer?.owner ?? null
      this.tell(() => 'a timer rings')
      timer?.ring()
    }
    await quiet()
    return true
  }
}

/** All have run as far as they can: grouping writes takes one turn of the loop for each group. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}
