import { setImmediate } from 'node:timers/promises'
import { CompiledQuery, type Kysely } from 'kysely'
import type { Tables } from './tables.ts'

type Trx = Kysely<Tables>
type Run = (trx: Trx) => Promise<unknown>

/** How a transaction is run: begun, committed, or rolled back when `run` rejects. */
export type Transact = <T>(run: (trx: Trx) => Promise<T>) => Promise<T>

/** Steps of one transaction; more would let readers wait too long. */
const most = 64

interface Member {
  run: Run
  resolve: (result: unknown) => void
  reject: (error: unknown) => void
}

/**
 * Group commit, for a database that lets one transaction write at a time: steps that come while others are at it wait,
 * and then share one transaction and one sync of the log. Each runs between savepoints, as if it were alone: what fails
 * undoes its own changes and no others'. All are told when the transaction is committed.
 */
export class WriteGroup {
  readonly #transact: Transact
  #waiting: Member[] = []
  #busy = false

  constructor(transact: Transact) {
    this.#transact = transact
  }

  run<T>(run: (trx: Trx) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run, resolve: resolve as Member['resolve'], reject })
      if (!this.#busy) void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) {
      // Those whose bytes have just arrived at the same time as these.
      await setImmediate()
      await this.#commit(this.#waiting.splice(0, most))
    }
    this.#busy = false
  }

  async #commit(members: Member[]): Promise<void> {
    const [only] = members
    if (members.length === 1 && only) {
      await this.#transact(only.run).then(only.resolve, only.reject)
      return
    }
    try {
      const tell = await this.#transact(async (trx) => {
        const outcomes: (() => void)[] = []
        for (const member of members) outcomes.push(await attempt(trx, member))
        return outcomes
      })
      for (const one of tell) one()
    } catch (error) {
      // What failed is the transaction, and with it everything in it.
      for (const { reject } of members) reject(error)
    }
  }
}

/** Runs one step; what is to be told of it once the transaction is committed. */
async function attempt(trx: Trx, { run, resolve, reject }: Member): Promise<() => void> {
  await trx.executeQuery(savepoint)
  try {
    const result = await run(trx)
    await trx.executeQuery(release)
    return () => resolve(result)
  } catch (error) {
    // Where the database has rolled back everything by itself, as on a full disk, this fails, and all with it.
    await trx.executeQuery(rollBack)
    await trx.executeQuery(release)
    return () => reject(error)
  }
}

const savepoint = CompiledQuery.raw('savepoint member')
const rollBack = CompiledQuery.raw('rollback to savepoint member')
const release = CompiledQuery.raw('release savepoint member')
