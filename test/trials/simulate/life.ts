import type Database from 'better-sqlite3'
import { createBlobStore, isBlobStoreError, kyselyMetadata } from '../../../src/index.ts'
import { type Fault, type FaultyBackend, faultyBackend } from '../../../src/testing.ts'
import { memoryDatabase } from '../../model/memory-database.ts'
import { meddleMetadata } from '../../support/meddling.ts'
import { day } from '../../support/samples.ts'
import { auditNow, auditQuiet, Violation } from './audit.ts'
import { type BrokenRule, broken } from './broken-rules.ts'
import { openDatabase } from './database.ts'
import type { Host } from './host.ts'
import { addHostTables } from './host-tables.ts'
import { interceptBackend } from './intercept.ts'
import { expectedErrors, operations } from './operations.ts'
import { Place } from './place.ts'
import { Promises } from './promises.ts'
import { type Process, Scheduler } from './scheduler.ts'
import { finishDrops } from './spaces.ts'
import { isSqlFault, SqlFaults } from './sql-faults.ts'
import type { World } from './world.ts'

const hour = 3_600_000

const backendFaults: readonly Fault[] = [
  { kind: 'fail', chance: 0.02 },
  { kind: 'lose', chance: 0.02 },
  { kind: 'late', on: 'put', chance: 0.02, delay: hour / 3 },
  { kind: 'late', on: 'put', chance: 0.02, delay: 30 * hour },
  { kind: 'late', on: 'delete', chance: 0.04, delay: 30 * hour },
  { kind: 'corrupt', on: 'read', chance: 0.02 },
]

/** Requests that reach the backend even after their sender has died. */
const outliving: readonly string[] = ['put', 'delete', 'write', 'writeMarker']

// In steps, on average.
const crashEvery = 500
const auditEvery = 250
const jumpEvery = 700

interface Running extends Process {
  host: Host
  backend: FaultyBackend
  workers: number
}

export interface LifeOptions {
  operations: number
  /** A rule of the protocol that is broken. @default none */
  breaking?: BrokenRule | undefined
}

/** A host's life with its store: processes with workers, which crash and restart, in a world of faults. */
export class Life {
  operations = 0
  crashes = 0
  readonly scheduler: Scheduler
  readonly #world: World
  readonly #options: LifeOptions
  readonly #database: Database.Database
  readonly #bytes = new Place()
  readonly #promises: Promises
  readonly #sqlFaults: SqlFaults
  readonly #backends: FaultyBackend[] = []
  #running: Running[] = []
  #failure: unknown

  static async begin(world: World, options: LifeOptions): Promise<Life> {
    return new Life(world, options, await memoryDatabase())
  }

  private constructor(world: World, options: LifeOptions, database: Database.Database) {
    this.#world = world
    this.#options = options
    this.#database = database
    this.scheduler = new Scheduler(world)
    this.#promises = new Promises(database, world)
    this.#sqlFaults = new SqlFaults(world, database, 0.002)
    addHostTables(database)
  }

  get faults(): number {
    return this.#backends.reduce((sum, backend) => sum + backend.faults(), this.#sqlFaults.count)
  }

  /** @throws what went wrong */
  async run(): Promise<void> {
    // Two that open a store for the first time ever, at once, may refuse each other: see the note on StoreMismatch.
    await this.#inPeace(({ blobs }) => blobs.ready())
    this.#begin()
    this.#begin()
    await this.#go(() => this.#running.every(({ workers }) => workers === 0))
    for (const process of this.#running.splice(0)) this.scheduler.kill(process)
    await this.#go(() => this.scheduler.late === 0)
    if (this.#world.ahead > 0) this.#jump()
    await this.#tidyUp()
    await auditQuiet(this.#database, this.#bytes)
    this.#database.close()
  }

  async #go(done: () => boolean): Promise<void> {
    const over = () => this.#failure !== undefined || done()
    await this.scheduler.run(over, async () => {
      if (this.#running.length > 0 && this.#world.chance(1 / crashEvery)) await this.#crash()
      else if (this.#running.length > 0 && this.#world.chance(1 / jumpEvery)) this.#jump()
      else if (this.#world.chance(1 / auditEvery)) await this.#audit()
    })
    if (this.#failure !== undefined) throw this.#failure
    await this.#audit()
  }

  async #crash(): Promise<void> {
    const victim = this.#world.pick(this.#running)
    this.crashes += 1
    this.scheduler.kill(victim)
    this.#running = this.#running.filter((process) => process !== victim)
    await this.#audit()
    this.#begin()
  }

  /** Clocks jump ahead, or are corrected. */
  #jump(): void {
    const world = this.#world
    const before = world.clock
    world.ahead = world.ahead > 0 ? 0 : world.pick([hour, day, 365 * day])
    this.#promises.onJump(before)
    this.scheduler.tell(() => `clocks are ${world.ahead / hour} h ahead`)
  }

  #audit(): Promise<void> {
    return auditNow(this.#database, this.#bytes, this.#promises)
  }

  #begin(): void {
    const process = this.#open(backendFaults)
    this.#running.push(process)
    for (let count = 0; count < 5; count++) {
      process.workers += 1
      this.#work(process)
        .catch((error: unknown) => {
          this.#failure ??= error
        })
        .finally(() => {
          process.workers -= 1
        })
    }
  }

  /** Another process with a store on the same bytes and rows. */
  #open(faults: readonly Fault[]): Running {
    const [world, { scheduler }] = [this.#world, this]
    const name = `process ${this.#backends.length + 1}`
    const process: Process = { name, alive: true }
    const waiting = interceptBackend(this.#bytes, (method, run, { signal }) =>
      scheduler.call(method, process, run, { signal, outlives: outliving.includes(method) }),
    )
    const backend = faultyBackend(waiting, { seed: world.below(2 ** 31), faults })
    this.#backends.push(backend)
    const db = openDatabase(this.#database, {
      enter: async () => {
        await scheduler.turn('SQL', process)
        this.#sqlFaults.onEnter()
      },
      statement: ({ sql, parameters }, run) => {
        scheduler.tell(() => `  ${sql} ${JSON.stringify(parameters)}`)
        return this.#sqlFaults.onStatement(sql, run)
      },
      leave: () => scheduler.turn('SQL answered', process),
    })
    const metadata = meddleMetadata(kyselyMetadata(db, { now: () => world.clock, migrate: 'check' }), (inner) => ({
      // In as many transactions as there are references, since there are few.
      dropSomeOfSpace: (did, space, options) => inner.dropSomeOfSpace(did, space, { ...options, limit: 1 }),
    }))
    const host: Host = {
      ...{ world, promises: this.#promises, db, process },
      blobs: createBlobStore({
        janitor: false,
        ...broken({ backend, metadata }, this.#options.breaking),
        limits: { accept: ['*/*'] },
        // With an inspection, each upload has a row of its own.
        hooks: world.chance(0.3) ? { inspect: async () => undefined } : {},
      }),
      pause: () => scheduler.turn('another chunk', process),
      corruptions: () => backend.faults('corrupt'),
    }
    return Object.assign(process, { host, backend, workers: 0 })
  }

  async #work(process: Running): Promise<void> {
    const { host } = process
    while ((await this.#attempt(() => host.blobs.ready())) !== 'is done');
    while (this.operations < this.#options.operations) {
      this.operations += 1
      const operation = this.#world.pick(operations)
      const name = `${process.name} ${operation.name} (${this.operations})`
      this.scheduler.tell(() => `${name} begins`)
      const ended = await this.#attempt(() => operation(host))
      this.scheduler.tell(() => `${name} ${ended}`)
      await this.scheduler.turn('next', process)
    }
  }

  /** How it ended: an unavoidable failure does not count. */
  async #attempt(run: () => Promise<void>): Promise<string> {
    try {
      await run()
      return 'is done'
    } catch (error) {
      if (isSqlFault(error)) return error.message
      if (isBlobStoreError(error) && expectedErrors.has(error.code)) return `${error.code}: ${error.message}`
      throw error
    }
  }

  /** All grace periods end, and a process collects and sweeps without faults. */
  async #tidyUp(): Promise<void> {
    await this.#inPeace(finishDrops)
    for (let round = 0; round < 3; round++) {
      this.#world.now += 2 * day
      await this.#inPeace(async ({ blobs }) => {
        await blobs.collect()
        const { stopped } = await blobs.sweep()
        if (stopped) throw new Violation('the deletion limit stopped the last sweep')
      })
    }
  }

  /** A process that does one thing, alone, and without a fault. */
  async #inPeace(run: (host: Host) => Promise<unknown>): Promise<void> {
    const { rate } = this.#sqlFaults
    const { sleeping } = this.scheduler
    this.#sqlFaults.rate = 0
    this.scheduler.sleeping = 0
    let done = false
    run(this.#open([]).host)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => {
        done = true
      })
    await this.#go(() => done)
    this.#sqlFaults.rate = rate
    this.scheduler.sleeping = sleeping
  }
}
