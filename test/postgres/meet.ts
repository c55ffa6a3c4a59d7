import { setTimeout as sleep } from 'node:timers/promises'
import type { CompiledQuery } from 'kysely'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { type Bench, wrongsIn } from './bench.ts'
import type { Meeting } from './meetings.ts'
import { Stop } from './steered.ts'

/** A lock that is removed, and what else that breaks. */
interface Broken {
  rewrite?: (query: CompiledQuery) => CompiledQuery
  ignored?: string
}

/**
 * Interleaves the two in every way: one stops before each of its statements in turn, and the other runs there as far as
 * it can; then the same with exchanged roles. Resolves with what went wrong.
 */
export async function meetEverywhere(bench: Bench, meeting: Meeting, broken: Broken = {}): Promise<string[]> {
  const { rewrite, ignored } = broken
  const wrong: string[] = []
  let stop = new Stop()
  const stopping = await bench.process({ before: (sql) => stop.pass(sql), ...(rewrite && { rewrite }) })
  const passing = await bench.process(rewrite && { rewrite })
  for (const exchanged of [false, true]) {
    for (let at = 1; ; at++) {
      stop = new Stop(at)
      const said = await meetOnce(bench, meeting, { stopping, passing, stop, exchanged, ignored })
      if (said === 'never stopped') break
      const where = `${exchanged ? 'the other' : 'one'} stood before statement ${at}, ${stop.statements[at - 1]}`
      for (const what of said) wrong.push(`${what}\n  when ${where}`)
      if (wrong.length > 0) return wrong
    }
  }
  return wrong
}

interface Parts {
  stopping: Metadata
  passing: Metadata
  stop: Stop
  exchanged: boolean
  ignored: string | undefined
}

async function meetOnce(
  bench: Bench,
  meeting: Meeting,
  { stopping, passing, stop, exchanged, ignored }: Parts,
): Promise<string[] | 'never stopped'> {
  const { one, other, after } = await meeting.prepare(bench, passing, bench.fresh())
  const [first, second] = exchanged ? [other, one] : [one, other]
  const begun = first(stopping)
  const ended = begun.then(
    () => 'ended',
    () => 'ended',
  )
  if ((await Promise.race([ended, stop.reached])) === 'ended') return 'never stopped'
  const met = second(passing)
  await Promise.race([Promise.allSettled([met]), untilWaiting(bench)])
  stop.letGo()
  const [resultOfFirst, resultOfSecond] = await Promise.allSettled([begun, met])
  const results = exchanged ? ([resultOfSecond, resultOfFirst] as const) : ([resultOfFirst, resultOfSecond] as const)
  try {
    await after?.(...results)
  } catch (error) {
    return [`${error}`]
  }
  return wrongsIn(bench.db, ignored)
}

async function untilWaiting({ schema }: Bench): Promise<void> {
  for (let asked = 0; asked < 500; asked++) {
    await sleep(2)
    if (await schema.isWaiting()) return
  }
}
