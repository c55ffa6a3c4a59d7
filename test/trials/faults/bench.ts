import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type Database from 'better-sqlite3'
import type { Kysely } from 'kysely'
import { type BlobBackend, type BlobStore, createBlobStore, DiskBackend, kyselyMetadata } from '../../../src/index.ts'
import { memoryDatabase } from '../../model/memory-database.ts'
import { closeEntries } from '../../support/entries.ts'
import { day } from '../../support/samples.ts'
import { auditNow, auditQuiet, type Stored } from '../simulate/audit.ts'
import { openDatabase } from '../simulate/database.ts'
import { addHostTables } from '../simulate/host-tables.ts'
import { Place } from '../simulate/place.ts'
import { Promises } from '../simulate/promises.ts'
import { World } from '../simulate/world.ts'
import { type Level, mortalBackend, trappedBackend, trappedStatement, trapSystemCalls } from './levels.ts'
import type { Trap } from './trap.ts'

/** A host's process on a store, which continues after a fault, or is restarted after it was killed. */
export class Bench {
  readonly world = new World(1)
  readonly promises: Promises
  readonly #level: Level
  readonly #database: Database.Database
  readonly #memory = new Place()
  readonly #folder: string | undefined
  #trap: Trap
  #process: { blobs: BlobStore; db: Kysely<never> }
  #restore: () => void = () => {}
  #revived = false

  static async make(level: Level, trap: Trap): Promise<Bench> {
    return new Bench(level, trap, await memoryDatabase())
  }

  private constructor(level: Level, trap: Trap, database: Database.Database) {
    this.#level = level
    this.#database = database
    this.promises = new Promises(database, this.world)
    this.#trap = trap
    addHostTables(database)
    if (level === 'system calls') {
      this.#folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-faults-'))
      this.#restore = trapSystemCalls(() => this.#trap)
    }
    this.#process = this.#start()
  }

  get blobs(): BlobStore {
    return this.#process.blobs
  }

  get db(): Kysely<never> {
    return this.#process.db
  }

  get isDead(): boolean {
    return this.#trap.dead
  }

  /**
   * Another process at the same place, if this one was killed. It is open, because no store opens within a transaction.
   */
  async revive(): Promise<void> {
    if (this.isDead) {
      if (this.#database.inTransaction) this.#database.exec('rollback')
      this.#trap = this.#trap.heir()
      this.#process = this.#start()
      this.#revived = true
    }
    if (!this.#revived) return
    await this.blobs.ready()
    this.#revived = false
  }

  async reopen(): Promise<void> {
    this.#process = this.#start()
    await this.blobs.ready()
  }

  /** Checks that what was acknowledged is there, and that in the end nothing else is. */
  async audit(): Promise<void> {
    this.#trap.close()
    const stored = this.#stored()
    await auditNow(this.#database, stored, this.promises)
    closeEntries(this.#database)
    for (let round = 0; round < 3; round++) {
      this.world.now += 2 * day
      await this.blobs.collect()
      await this.blobs.sweep()
      await auditNow(this.#database, stored, this.promises)
    }
    // Those that are left are deleted when they are old, by a clock that no test moves.
    await stored.sweepSpools(-1)
    await auditQuiet(this.#database, stored)
  }

  async remove(): Promise<void> {
    await this.blobs.close().catch(() => {})
    this.#restore()
    this.#database.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  #start(): { blobs: BlobStore; db: Kysely<never> } {
    const trap = this.#trap
    const db = openDatabase(this.#database, {
      // A caller waits for another: the store works in the background too, and there is one connection.
      enter: async () => {
        for (let turn = 0; this.#database.inTransaction && turn < 10_000; turn++) await setImmediate()
      },
      leave: async () => {},
      statement: this.#level === 'SQL statements' ? trappedStatement(this.#database, trap) : mortal(trap),
    })
    const metadata = kyselyMetadata(db, { now: () => this.world.now, migrate: 'check' })
    return {
      db,
      blobs: createBlobStore({ janitor: false, backend: this.#backend(), metadata, limits: { accept: ['*/*'] } }),
    }
  }

  #backend(): BlobBackend {
    if (this.#level === 'backend calls') return trappedBackend(this.#memory, this.#trap)
    return this.#folder === undefined ? mortalBackend(this.#memory, this.#trap) : this.#disk(this.#folder)
  }

  #disk(folder: string): DiskBackend {
    return new DiskBackend({ root: join(folder, 'root') })
  }

  #stored(): Stored {
    if (this.#folder === undefined) return this.#memory
    return Object.assign(this.#disk(this.#folder), { cameTooLate: () => false })
  }
}

const mortal =
  (trap: Trap) =>
  <T>(_query: unknown, run: () => T): T => {
    trap.assertAlive()
    return run()
  }
