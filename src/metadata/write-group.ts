import { setImmediate } from 'node:timers/promises'
import type { NewStep, StepDriver } from './step.ts'

/** The most steps in one transaction; more would let readers wait too long. */
const most = 64

interface Member {
  step: NewStep<unknown>
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/**
 * Group commit, for a database that allows one write transaction at a time: steps that arrive during a transaction
 * wait, and then share one transaction and one sync of the log. If one of them fails, the whole transaction rolls back;
 * the failed step runs again alone, and the others together. Each caller gets its result only after the commit. No
 * savepoints between the steps: for them SQLite would copy each page that the next step changes, and soon into a file.
 */
export class WriteGroup {
  readonly #transact: StepDriver['transact']
  #waiting: Member[] = []
  #busy = false

  constructor(transact: StepDriver['transact']) {
    this.#transact = transact
  }

  /** Runs a step, maybe more than once: all that it changes must be in the database. */
  run<T>(step: NewStep<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ step, resolve: resolve as Member['resolve'], reject })
      if (!this.#busy) void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      // Lets steps join whose bytes arrived in the same turn of the event loop.
      await setImmediate()
      await this.#commit(this.#waiting.splice(0, most))
    }
    this.#busy = false
  }

  async #commit(members: readonly Member[]): Promise<void> {
    if (members.length <= 1) {
      for (const { step, resolve, reject } of members) await this.#transact(step).then(resolve, reject)
      return
    }
    try {
      const results = await this.#transact(runAll(members))
      for (const [at, { resolve }] of members.entries()) resolve(results[at])
    } catch (error) {
      if (!(error instanceof Failure)) {
        // The transaction could not begin or commit, or its outcome is unknown: this is true of each step.
        for (const { reject } of members) reject(error)
        return
      }
      await this.#commit([error.member])
      await this.#commit(members.filter((member) => member !== error.member))
    }
  }
}

/** A step failed, and with it the transaction. */
class Failure extends Error {
  readonly member: Member

  constructor(member: Member) {
    super('a step failed')
    this.member = member
  }
}

const runAll = (members: readonly Member[]): NewStep<unknown[]> =>
  function* (trx) {
    const results: unknown[] = []
    for (const member of members) {
      try {
        results.push(yield* member.step(trx))
      } catch {
        throw new Failure(member)
      }
    }
    return results
  }
