import { setImmediate } from 'node:timers/promises'

/** What it takes of the event loop to send a call to a thread and to hear of its end, in milliseconds. */
const trip = 0.025

/** A wait is made up for by trips that take so many times as long. */
const back = 4

/** Calls at once before the loop must turn: who makes one after another would otherwise keep all others from it. */
const most = 64

/**
 * Decides which calls for small files are made at once, on the event loop. Where the kernel has the file in its cache,
 * that takes less of the loop than the trip to a thread and back. Where it has not, the loop stands still until the
 * device has answered, and nobody can tell beforehand. So each wait is made up for, by calls that go to threads. However
 * cold the files are and however slow the device, the loop spends at most a quarter more than by trips alone.
 */
export class EventLoopBudget {
  /** What is to be made up for yet, in milliseconds. */
  #debt = 0
  /** Calls at once since the loop turned. */
  #calls = 0
  #turn: Promise<void> = Promise.resolve()

  async run<T>(call: (atOnce: boolean) => Promise<T>): Promise<T> {
    while (this.#calls >= most) await this.#turn
    if (this.#debt > 0) {
      this.#debt -= trip
      return call(false)
    }
    if (this.#calls === 0) this.#turn = this.#turned()
    this.#calls += 1
    const start = performance.now()
    const result = call(true)
    const wait = performance.now() - start - trip
    if (wait > 0) this.#debt = back * wait
    return result
  }

  async #turned(): Promise<void> {
    await setImmediate()
    this.#calls = 0
  }
}
