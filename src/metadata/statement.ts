import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Tables } from './schema/tables.ts'

/** What a statement is given, by name: values, lists of values, lists of rows. */
type Given = object

/** Runs on a connection, with these values. */
export type Statement<G extends Given, R> = (db: Kysely<Tables>, given: G) => Promise<QueryResult<R>>

/** Statements with longer lists than this are not kept: there would be one for each length. */
const longestKept = 16

/**
 * A statement that is built and compiled once for each database and length of its lists, since that takes several times
 * as long as running it. `build` sees placeholders, or long lists as they are, and must not decide by their values.
 */
export function statement<G extends Given, R>(build: (db: Kysely<Tables>, given: G) => Compilable<R>): Statement<G, R> {
  // By the adapter, which the transactions of a Kysely share: each compiles for its own database.
  const kept = new WeakMap<object, Map<string, CompiledQuery<R>>>()
  return (db, given) => {
    const shape = shapeOf(given)
    if (shape === null) return db.executeQuery(filled(build(db, given).compile(), given))
    const { adapter } = db.getExecutor()
    const ofAdapter = kept.get(adapter) ?? new Map<string, CompiledQuery<R>>()
    kept.set(adapter, ofAdapter)
    const compiled = ofAdapter.get(shape) ?? build(db, placeholdersFor(given, []) as G).compile()
    ofAdapter.set(shape, compiled)
    return db.executeQuery(filled(compiled, given))
  }
}

/** Stands in a statement for a value that is known when it runs. */
export class Placeholder {
  readonly #valueIn: (given: Given) => unknown

  constructor(valueIn: (given: Given) => unknown) {
    this.#valueIn = valueIn
  }

  /** The value, or what a placeholder stands for. */
  static resolve(value: unknown, given: Given): unknown {
    return value instanceof Placeholder ? value.valueIn(given) : value
  }

  valueIn(given: Given): unknown {
    return this.#valueIn(given)
  }
}

function filled<R>(compiled: CompiledQuery<R>, given: Given): CompiledQuery<R> {
  const parameters = compiled.parameters.map((one) => Placeholder.resolve(one, given))
  return { ...compiled, parameters }
}

/** The lengths of the lists; null when one is too long. */
function shapeOf(given: Given): string | null {
  let shape = ''
  for (const value of Object.values(given)) {
    if (!Array.isArray(value)) continue
    if (value.length > longestKept) return null
    shape += `${value.length} `
  }
  return shape
}

/** The same form, with a placeholder for each value in it. */
function placeholdersFor(form: unknown, path: readonly string[]): unknown {
  if (Array.isArray(form)) return form.map((item, index) => placeholdersFor(item, [...path, String(index)]))
  if (typeof form === 'object' && form !== null) {
    return Object.fromEntries(Object.entries(form).map(([key, item]) => [key, placeholdersFor(item, [...path, key])]))
  }
  return new Placeholder((given) => path.reduce((at: unknown, key) => (at as Record<string, unknown>)[key], given))
}
