import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { seededRandom } from '../../../src/testing/fault-plan.ts'

/**
 * Time and chance, decided by a seed: while it is active, clocks and timers of the whole thread show and follow `now`,
 * and random bytes come from the seed. So everything that happens in it can be repeated.
 */
export class World {
  now: number = Date.UTC(2026, 0, 1)
  /** How far ahead of `now` clocks are at the moment. Timers ignore this. */
  ahead = 0
  readonly timers: Set<Timer> = new Set()
  /** From 0 to 1. */
  readonly random: () => number
  /** Which process is running, and owns the timers that are being set. */
  owner: object | null = null

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  /** What clocks show. */
  get clock(): number {
    return this.now + this.ahead
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.random() * end)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  chance(probability: number): boolean {
    return this.random() < probability
  }

  /** Runs something in this world; the thread's own time and chance come back afterwards. */
  async live<T>(run: () => Promise<T>): Promise<T> {
    const { setTimeout, clearTimeout, setInterval } = globalThis
    const { now } = Date
    const { random } = Math
    const { randomBytes, randomInt, randomUUID } = crypto
    const chance = seededRandom(this.below(2 ** 31))
    try {
      globalThis.setTimeout = ((run: () => void, delay = 0) => new Timer(this, run, delay)) as never
      globalThis.clearTimeout = ((timer) => this.timers.delete(timer as unknown as Timer)) as typeof clearTimeout
      // Renewals between processes, which change nothing here; a real timer would fire in another world.
      globalThis.setInterval = (() => ({ unref: () => undefined })) as never
      Date.now = () => this.clock
      Math.random = chance
      crypto.randomBytes = ((size: number) => Buffer.from(Array.from({ length: size }, () => chance() * 256))) as never
      crypto.randomInt = ((least: number, end: number) => least + Math.floor(chance() * (end - least))) as never
      crypto.randomUUID = () => `00000000-0000-4000-8000-${crypto.randomBytes(6).toString('hex')}`
      syncBuiltinESMExports()
      return await run()
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout, setInterval })
      Date.now = now
      Math.random = random
      Object.assign(crypto, { randomBytes, randomInt, randomUUID })
      syncBuiltinESMExports()
    }
  }
}

/**
 * What `setTimeout` returns, as far as the store uses it. Fires when the scheduler says so, and not before its time.
 */
export class Timer {
  due: number
  readonly owner: object | null
  readonly #world: World
  readonly #delay: number
  readonly #run: () => void

  constructor(world: World, run: () => void, delay: number) {
    this.#world = world
    this.#run = run
    this.#delay = delay
    this.owner = world.owner
    this.due = world.now + delay
    world.timers.add(this)
  }

  ring(): void {
    this.#world.timers.delete(this)
    this.#run()
  }

  refresh(): this {
    this.due = this.#world.now + this.#delay
    this.#world.timers.add(this)
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }
}
