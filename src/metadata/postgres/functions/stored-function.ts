import { createHash } from 'node:crypto'
import { CompiledQuery, DummyDriver, Kysely, PostgresDialect, sql } from 'kysely'
import type { Tables } from '../../schema/tables.ts'
import { type Now, Placeholder, type TimedBuild } from '../../statement.ts'

/** The types that parameters have in PostgreSQL. */
type SqlType = 'text' | 'bigint' | 'text[]' | 'bigint[]'

/**
 * A function of the database that does a whole step: one round trip, instead of one for each statement and two for the
 * transaction. It does the ordinary case of the step. In any other it does nothing, and returns false: then the step is
 * run as on any database.
 */
export interface StoredFunction<G extends object> {
  /** Ends with a hash of all that it does, so that each version of the package calls its own. */
  readonly name: string
  /** Its parameters with their types, in parentheses. */
  readonly signature: string
  /** The types alone. */
  readonly types: string
  readonly source: string
  /** Calls it. `now` replaces the database's clock, unless it is null. */
  call(schema: string, given: G, now: number | null): CompiledQuery<{ done: boolean }>
}

/**
 * Makes a function of the statements of which the step is made. It is volatile, as functions are by default: each
 * statement sees what was committed before it began, as at the level READ COMMITTED, for which the protocol was
 * checked. In a transaction of another level, or one that may only read, it does nothing.
 */
export function storedFunction<G extends object>(
  title: string,
  parameters: Readonly<Record<keyof G & string, SqlType>>,
  write: (given: G) => { declare: string; steps: string },
): StoredFunction<G> {
  const names = Object.keys(parameters) as (keyof G & string)[]
  const { declare, steps } = write(Object.fromEntries(names.map((name) => [name, variable(`p_${name}`)])) as G)
  const source = `declare
${declare}
begin
  if current_setting('transaction_isolation') <> 'read committed' or current_setting('transaction_read_only') = 'on' then
    return false;
  end if;
${steps}
  return true;
${steps.includes(giveUp) ? caught : ''}end;`
  const types = [...names.map((name) => parameters[name]), 'bigint']
  const signature = `(${[...names.map((name) => `p_${name}`), clock].map((name, index) => `${name} ${types[index]}`).join(', ')})`
  const hash = createHash('sha256').update(signature).update(source).digest('hex').slice(0, 12)
  const name = `blobstore_${title}_${hash}`
  // With types, so that no other function of this name fits better.
  const places = types.map((type, index) => `$${index + 1}::${type}`).join(', ')
  return {
    ...{ name, signature, source, types: types.join(', ') },
    call: (schema, values, now) =>
      CompiledQuery.raw(`select ${quoted(schema)}.${name}(${places}) as done`, [
        ...names.map((name) => values[name]),
        now,
      ]) as CompiledQuery<{ done: boolean }>,
  }
}

/** A name as an identifier of SQL. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The SQLSTATE of a case that the function leaves to the steps. */
const unusual = 'BS001'

/** Undoes what the function has written, and returns false. */
export const giveUp: string = `raise exception using errcode = '${unusual}';`

/** The end of a function that gives up: the error is in no log. It makes the call a transaction within the transaction. */
const caught = `exception when sqlstate '${unusual}' then
  return false;
`

/** The last parameter. */
const clock = 'p_now'

/** Stands for an expression in the function, where a statement expects a value. */
export function variable(expression: string): never {
  return new Variable(expression) as never
}

class Variable extends Placeholder {
  readonly expression: string

  constructor(expression: string) {
    super(() => {
      throw new Error('A variable of a function has no value outside of it')
    })
    this.expression = expression
  }
}

/** The text of a statement in the function. */
export function inline<G extends object>(build: TimedBuild<G, unknown>, given: G): string {
  const { sql, parameters } = build(builder, given, now).compile()
  return sql.replace(/\$(\d+)/g, (_, number) => textOf(parameters[Number(number) - 1]))
}

/** Only builds statements. */
const builder = new Kysely<Tables>({ dialect: dialectOf() })

function dialectOf(): PostgresDialect {
  const dialect = new PostgresDialect({ pool: () => Promise.reject() })
  dialect.createDriver = () => new DummyDriver()
  return dialect
}

/**
 * Not the time at which the statement began, as otherwise: here that is the time of the call, which may wait for the
 * account's lock. What others stored meanwhile would seem to come from a clock that ran ahead.
 */
const now: Now = (later) => {
  const time = sql<number>`coalesce(${sql.raw(clock)}, cast(extract(epoch from clock_timestamp()) * 1000 as bigint))`
  return later === undefined ? time : sql`(${time} + ${later})`
}

function textOf(value: unknown): string {
  if (value instanceof Variable) return `(${value.expression})`
  if (value === null || typeof value === 'number') return String(value)
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  throw new Error(`A function of the database has no place for a ${typeof value}`)
}
