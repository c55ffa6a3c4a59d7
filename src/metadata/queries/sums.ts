import { setImmediate } from 'node:timers/promises'
import { type Expression, type SqlBool, sql } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { firstRow } from '../step.ts'

/** The number of rows that one statement reads, in some milliseconds. */
const atOnce = 5000

interface Added<T extends keyof Tables, C extends string> {
  table: T
  /** The column that orders the rows: distinct texts, with an index. */
  along: string
  /** The columns to add up, besides the number of rows. */
  columns?: readonly C[]
  /** Which rows count. @default all */
  where?: Expression<SqlBool>
}

/**
 * Adds up rows, in statements of bounded size, and lets the event loop run in between. So the sums are not those of a
 * single moment.
 */
export async function addUp<T extends keyof Tables, C extends string = never>(
  session: Session,
  { table, along, columns = [], where = sql`true` }: Added<T, C>,
): Promise<Record<C | 'rows', number>> {
  const names = ['rows', ...columns] as const
  const sums = Object.fromEntries(names.map((name) => [name, 0])) as Record<C | 'rows', number>
  const read = sql.join([along, ...columns].map((name) => sql.ref(name)))
  const added = sql.join([
    sql`coalesce(sum(counts), 0) as ${sql.ref('rows')}`,
    ...columns.map((name) => sql`coalesce(sum(case when counts = 1 then ${sql.ref(name)} end), 0) as ${sql.ref(name)}`),
  ])
  const piece = (after: string) =>
    sql<Record<C | 'rows', number> & { looked: number; last: string | null }>`
      select ${added}, count(*) as looked, max(${sql.ref(along)}) as last from (
        select ${read}, case when ${where} then 1 else 0 end as counts from ${sql.table(table)}
        where ${sql.ref(along)} > ${after} order by ${sql.ref(along)} limit ${atOnce}) as piece`
  let after: string | null = ''
  while (after !== null) {
    const begin: string = after
    const some = await session.read((db) => firstRow(piece(begin).compile(db)))
    for (const name of names) sums[name] += Number(some?.[name] ?? 0)
    after = Number(some?.looked) === atOnce ? (some?.last ?? null) : null
    if (after !== null) await setImmediate()
  }
  return sums
}
