import { setImmediate } from 'node:timers/promises'

/** What sending a call to a thread and getting its result costs the event loop, in milliseconds. */
const threadCost = 0.025

/** Each wait is followed by threaded calls that together take this many times as long. */
const compensation = 4

/**
 * How many calls may run on the event loop before it must turn: otherwise a caller that makes one after another would
 * starve all others.
 */
const maxCalls = 64

/**
 * Decides which calls for small files run on the event loop itself. If the kernel has the file in its cache, such a
 * call takes less of the loop than a thread would. If not, the loop stands still until the device answers, and this
 * cannot be known beforehand. So after each wait, calls go to threads until the wait is compensated. However cold the
 * files and slow the device, the loop spends at most a quarter more than with threads alone.
 */
export class EventLoopBudget {
  /** How much waiting must still be compensated, in milliseconds. */
  #debt = 0
  /** Calls on the event loop since it turned. */
  #calls = 0
  #turn: Promise<void> = Promise.resolve()

  async run<T>(call: (atOnce: boolean) => Promise<T>): Promise<T> {
    while (this.#calls >= maxCalls) await this.#turn
    if (this.#debt > 0) {
      this.#debt -= threadCost
      return call(false)
    }
    if (this.#calls === 0) this.#turn = this.#turned()
    this.#calls += 1
    const start = performance.now()
    const result = call(true)
    const wait = performance.now() - start - threadCost
    if (wait > 0) this.#debt = compensation * wait
    return result
  }

  async #turned(): Promise<void> {
    await setImmediate()
    this.#calls = 0
  }
}
