import Database from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteDialect,
} from 'kysely'
import type { BlobBackend, Spool } from '../../src/index.ts'

class Crash extends Error {
  override readonly name = 'Crash'
}

/**
 * Makes a process crash at its n-th call to the backend or the database: `before` the call has an effect, or `after`
 * its effect and before its response. From then on nothing of that process happens any more.
 */
export class Fuse {
  calls = 0
  blown = false
  readonly #at: number
  readonly #when: 'before' | 'after'

  constructor(at: number, when: 'before' | 'after') {
    this.#at = at
    this.#when = when
  }

  async call<T>(run: () => Promise<T>): Promise<T> {
    if (this.blown) throw new Crash('dead')
    this.calls += 1
    if (this.calls !== this.#at) return run()
    // Its result is not received: it may have failed.
    if (this.#when === 'after') await run().catch(() => {})
    this.blown = true
    throw new Crash(`crashed ${this.#when} call ${this.calls}`)
  }

  backend(inner: BlobBackend): BlobBackend {
    return {
      name: inner.name,
      durable: inner.durable,
      open: (options) => this.call(() => inner.open(options)),
      close: () => inner.close(),
      spool: (options) => this.call(async () => this.#spool(await inner.spool(options))),
      put: (key, body, options) =>
        this.call(() => inner.put(key, body.spool ? { ...body, spool: innerSpool(body.spool) } : body, options)),
      get: (key, options) => this.call(() => inner.get(key, options)),
      has: (key, options) => this.call(() => inner.has(key, options)),
      delete: (keys, options) => this.call(() => inner.delete(keys, options)),
      list: (options) => this.call(() => inner.list(options)),
      sweepSpools: (olderThan, options) => this.call(() => inner.sweepSpools(olderThan, options)),
      readMarker: (options) => this.call(() => inner.readMarker(options)),
      claimMarker: (marker, options) => this.call(() => inner.claimMarker(marker, options)),
      writeMarker: (marker, options) => this.call(() => inner.writeMarker(marker, options)),
    }
  }

  #spool(inner: Spool): Spool {
    const spool: Spool = {
      write: (chunks) => this.call(() => inner.write(chunks)),
      readBack: (start, end) => this.call(() => inner.readBack(start, end)),
      discard: () => this.call(() => inner.discard()),
    }
    spools.set(spool, inner)
    return spool
  }

  /** A host's connection to an SQLite file, on which every statement is a call; and its end, as at a crash. */
  database(file: string): { db: Kysely<never>; die: () => void } {
    const database = new Database(file)
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = OFF')
    database.pragma('foreign_keys = ON')
    const dialect = new SqliteDialect({ database })
    const driver = (): Driver => this.#driver(dialect.createDriver())
    const fused: Dialect = {
      createDriver: driver,
      createAdapter: () => dialect.createAdapter(),
      createQueryCompiler: () => dialect.createQueryCompiler(),
      createIntrospector: (db) => dialect.createIntrospector(db),
    }
    return { db: new Kysely<never>({ dialect: fused }), die: () => database.close() }
  }

  #driver(inner: Driver): Driver {
    let real: DatabaseConnection | undefined
    const execute = <R>(query: CompiledQuery): Promise<QueryResult<R>> =>
      this.call(() => (real as DatabaseConnection).executeQuery<R>(query))
    const connection: DatabaseConnection = {
      executeQuery: execute,
      streamQuery: () => {
        throw new Error('not used')
      },
    }
    return {
      init: (options) => inner.init(options),
      async acquireConnection(options) {
        real ??= await inner.acquireConnection(options)
        return connection
      },
      beginTransaction: async () => void (await execute(CompiledQuery.raw('begin'))),
      commitTransaction: async () => void (await execute(CompiledQuery.raw('commit'))),
      rollbackTransaction: async () => void (await execute(CompiledQuery.raw('rollback'))),
      releaseConnection: async () => {},
      destroy: async () => {},
    }
  }
}

const spools = new WeakMap<Spool, Spool>()
const innerSpool = (spool: Spool): Spool => spools.get(spool) ?? spool
