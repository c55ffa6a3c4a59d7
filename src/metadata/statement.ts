import type { Compilable, CompiledQuery, Kysely, QueryResult, RawBuilder } from 'kysely'
import type { Tables } from './schema/tables.ts'
import type { Step } from './step.ts'

/** The arguments of a statement, by name: values, lists of values, lists of rows. */
type Given = object

/** Runs the statement with these arguments. */
export interface Statement<G extends Given, R> {
  (db: Kysely<Tables>, given: G): Step<QueryResult<R>>
  /** What it is made of. */
  readonly build: Build<G, R>
}

export type Build<G extends Given, R> = (db: Kysely<Tables>, given: G) => Compilable<R>

/** The database's time, or `later` milliseconds after it. */
export type Now = (later?: number) => RawBuilder<number>

/** What a statement with times is made of: see `Session.statement`. */
export type TimedBuild<G extends Given, R> = (db: Kysely<Tables>, given: G, now: Now) => Compilable<R>

/** Statements with longer lists than this are not cached: there would be one for each length. */
const longestKept = 16

/**
 * A statement that is built and compiled only once for each database and each length of its lists, because this takes
 * several times as long as running it. `build` gets placeholders instead of values, except in long lists, and must not
 * decide by values. All calls must pass the same names, with the lists under the same ones.
 */
export function statement<G extends Given, R>(build: Build<G, R>): Statement<G, R> {
  // By adapter, which all transactions of a Kysely share, because each adapter compiles for its own database.
  const kept = new WeakMap<object, Map<string, Kept>>()
  let lists: readonly string[] | undefined
  return Object.assign(run, { build })

  function* run(db: Kysely<Tables>, given: G): Step<QueryResult<R>> {
    lists ??= listsIn(given)
    const shape = shapeOf(given, lists)
    if (shape === null) return (yield new Kept(build(db, given).compile()).with(given)) as QueryResult<R>
    const { adapter } = db.getExecutor()
    const ofAdapter = kept.get(adapter) ?? new Map<string, Kept>()
    kept.set(adapter, ofAdapter)
    const compiled = ofAdapter.get(shape) ?? new Kept(build(db, placeholdersFor(given, []) as G).compile())
    ofAdapter.set(shape, compiled)
    return (yield compiled.with(given)) as QueryResult<R>
  }
}

/** Stands for a value that is known only when the statement runs. */
export class Placeholder {
  readonly valueIn: (given: Given) => unknown

  constructor(valueIn: (given: Given) => unknown) {
    this.valueIn = valueIn
  }

  /** How to find a value: a placeholder's in the arguments; any other is the value itself. */
  static resolver(value: unknown): (given: Given) => unknown {
    return value instanceof Placeholder ? value.valueIn : () => value
  }
}

class Kept {
  readonly #compiled: CompiledQuery
  readonly #resolvers: readonly ((given: Given) => unknown)[]

  constructor(compiled: CompiledQuery) {
    this.#compiled = compiled
    this.#resolvers = compiled.parameters.map(Placeholder.resolver)
  }

  with(given: Given): CompiledQuery {
    const { query, queryId, sql } = this.#compiled
    return { query, queryId, sql, parameters: this.#resolvers.map((valueIn) => valueIn(given)) }
  }
}

const listsIn = (given: Given): string[] =>
  Object.entries(given).flatMap(([name, value]) => (Array.isArray(value) ? [name] : []))

/** The lengths of the lists; null when one is too long. */
function shapeOf(given: Given, lists: readonly string[]): string | null {
  let shape = ''
  for (const name of lists) {
    const { length } = (given as Record<string, readonly unknown[]>)[name] as readonly unknown[]
    if (length > longestKept) return null
    shape += `${length} `
  }
  return shape
}

/** The same structure, with a placeholder for each value. */
function placeholdersFor(form: unknown, path: readonly string[]): unknown {
  if (Array.isArray(form)) return form.map((item, index) => placeholdersFor(item, [...path, String(index)]))
  if (typeof form === 'object' && form !== null) {
    return Object.fromEntries(Object.entries(form).map(([key, item]) => [key, placeholdersFor(item, [...path, key])]))
  }
  return new Placeholder(valueAt(path))
}

function valueAt(path: readonly string[]): (given: Given) => unknown {
  const [first = '', ...rest] = path
  if (rest.length === 0) return (given) => (given as Record<string, unknown>)[first]
  return (given) => path.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], given)
}
