import { setImmediate } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { pause, type Step } from '../step.ts'
import type { NamingTable } from './naming-rows.ts'

// Long lists in short steps: each statement reads a bounded number of rows, and the event loop runs in between.

const fewest = 100
const most = 1000

/**
 * The first `wanted` rows to be shown, of a list in which many may be hidden. `next` returns up to `atMost` rows after
 * the given one, in the list's order, hidden ones included; fewer only at the end of the list.
 */
export async function fill<R>(
  wanted: number,
  next: (after: R | undefined, atMost: number) => Promise<R[]>,
  isShown: (row: R) => boolean,
): Promise<R[]> {
  const shown: R[] = []
  for await (const rows of walk(next, () => Math.min(most, Math.max(fewest, wanted - shown.length)))) {
    shown.push(...rows.filter(isShown))
    if (shown.length >= wanted) break
  }
  return shown.slice(0, wanted)
}

/** All rows, in pages. */
export async function* walk<R>(
  next: (after: R | undefined, atMost: number) => Promise<R[]>,
  size: () => number = () => most,
): AsyncGenerator<R[]> {
  let last: R | undefined
  while (true) {
    const atMost = size()
    const rows = await next(last, atMost)
    yield rows
    last = rows.at(-1)
    if (rows.length < atMost) return
    await setImmediate()
  }
}

/** As {@link walk}, but within one step, which pauses between two pages. */
export function* walkInStep<R>(
  next: (after: R | undefined, atMost: number) => Step<R[]>,
  look: (rows: R[]) => void,
): Step<void> {
  let rows: R[] = []
  do {
    if (rows.length > 0) yield* pause()
    rows = yield* next(rows.at(-1), most)
    look(rows)
  } while (rows.length === most)
}

/**
 * For a query that begins with `with recursive`. `walk (cid, n)` has the first CIDs, after the given one, that an
 * account's records name, in one scope or in any. Each CID appears once, and takes one index search, however many
 * records name it. The last row may be null.
 */
export function walkCids(
  table: NamingTable,
  { did, after, atMost, scope }: { did: string; after: string; atMost: number; scope?: string | undefined },
): RawBuilder<unknown> {
  const inScope = scope === undefined ? sql`` : sql` and scope = ${scope}`
  const first = (above: RawBuilder<unknown>) =>
    sql`(select cid from ${sql.table(table)} where did = ${did}${inScope} and cid > ${above} order by cid limit 1)`
  return sql`walk (cid, n) as (
    select ${first(sql`${after}`)}, 1
    union all
    select ${first(sql`walk.cid`)}, walk.n + 1 from walk where walk.cid is not null and walk.n < ${atMost}
  )`
}

/** How many rows one statement carries: well below the drivers' limits of 32,766 and 65,535 values. */
export const chunkSize = 1000

/** Splits a list into pieces that fit into one statement. */
export function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = []
  for (let at = 0; at < items.length; at += chunkSize) result.push(items.slice(at, at + chunkSize))
  return result
}
