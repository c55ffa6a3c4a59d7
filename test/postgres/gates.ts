import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import { functions } from '../../src/metadata/postgres/functions/install.ts'
import type { PostgresSchema } from '../support/postgres.ts'

// What stops a function of the database between two of its statements: each has a gate before it, a lock that the test
// takes. Only sessions that say so stop there.

/** The setting of a session that stops at gates. */
const gated = 'test.gated'

/** Options of a connection whose calls stop at gates. */
export const stopsAtGates = (schema: PostgresSchema): pg.PoolConfig => ({
  options: `${schema.config().options} -c ${gated}=on`,
})

/** Puts a gate before each statement of the functions. Resolves with how many gates there are. */
export async function putGates(
  db: Kysely<never>,
  change: (source: string) => string = (source) => source,
): Promise<number> {
  await sql`create function gate(number int) returns void language plpgsql as $$ begin
    if current_setting(${sql.lit(gated)}, true) = 'on' then
      perform pg_advisory_xact_lock_shared(hashtext(current_schema()), number);
    end if;
  end $$`.execute(db)
  let gates = 0
  for (const { name, signature, source } of functions) {
    const withGates = change(source).replace(
      /^( +)(insert|delete|select|update|perform) /gm,
      (line, indent) => `${indent}perform gate(${++gates});\n${line}`,
    )
    await sql
      .raw(`create or replace function ${name}${signature} returns boolean language plpgsql as $_$${withGates}$_$`)
      .execute(db)
  }
  return gates
}

/** Holds gates shut. */
export class GateKeeper {
  readonly #schema: PostgresSchema
  readonly #client: pg.Client

  constructor(schema: PostgresSchema) {
    this.#schema = schema
    this.#client = new pg.Client({ ...schema.config(), application_name: 'gate keeper' })
  }

  async open(): Promise<void> {
    await this.#client.connect()
  }

  async shut(...gates: number[]): Promise<void> {
    for (const gate of gates) {
      await this.#client.query('select pg_advisory_lock(hashtext($1), $2)', [this.#schema.name, gate])
    }
  }

  /** Opens one gate, or all. */
  async letGo(gate?: number): Promise<void> {
    if (gate === undefined) await this.#client.query('select pg_advisory_unlock_all()')
    else await this.#client.query('select pg_advisory_unlock(hashtext($1), $2)', [this.#schema.name, gate])
  }

  /** The gate that somebody stands before. */
  async stopped(): Promise<number | undefined> {
    const { rows } = await this.#client.query(
      `select objid from pg_locks where locktype = 'advisory' and not granted
        and classid::bigint = (hashtext($1)::bigint & x'ffffffff'::bigint)`,
      [this.#schema.name],
    )
    return rows.length === 0 ? undefined : Number(rows[0].objid)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.end()
  }
}
