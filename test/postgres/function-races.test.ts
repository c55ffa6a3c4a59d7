import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { Bench, wrongsIn } from './bench.ts'
import { GateKeeper, putGates, stopsAtGates } from './gates.ts'
import { type Meeting, meetings } from './meetings.ts'
import { purgeMeetings } from './purge-meetings.ts'

// The same as races.test.ts, with the database's functions: one stands before each statement of a function in turn, and
// the other runs as far as it can.

const all = [...meetings, ...purgeMeetings]

describe('with the functions of PostgreSQL', () => {
  test.each(all)('nothing goes wrong when $name', async (meeting) => {
    expect(await meetAtGates(new Bench(), meeting)).toEqual([])
  })

  // What holds these apart is in the functions, too.
  test.each([
    ['an upload is committed, and collected', 'changed <> 1', 'both or none have it'],
    ['an upload without a row is committed, and its entry', 'changed <> 1', 'both or none have it'],
    ['two uploads without rows stand before', 'account.bytes + account.reserved > p_maxBytes', '2 were granted'],
    ['two uploads stand before the border', 'account.bytes + account.reserved > p_maxBytes', '2 were granted'],
    ['a record is imported while the upload', 'situation.expected', 'a blob that is held and still expected'],
  ])('without its check: %s', async (words, check, what) => {
    const meeting = all.find(({ name }) => name.startsWith(words)) as Meeting
    // Nor does it look whether its key is doomed, which would find the same.
    const without = (source: string) => source.replace(check, 'false').replace('situation.doomed', 'false')
    expect((await meetAtGates(new Bench(), meeting, without)).join('\n')).toContain(what)
  })
})

async function meetAtGates(bench: Bench, meeting: Meeting, change?: (source: string) => string): Promise<string[]> {
  const stopping = await bench.processWithFunctions(stopsAtGates(bench.schema))
  const passing = await bench.processWithFunctions()
  const gates = await putGates(bench.db, change)
  const keeper = new GateKeeper(bench.schema)
  await keeper.open()
  onTestFinished(() => keeper[Symbol.asyncDispose]())

  for (const exchanged of [false, true]) {
    const prepare = async () => {
      const { one, other, after } = await meeting.prepare(bench, passing, bench.fresh())
      return { first: exchanged ? other : one, second: exchanged ? one : other, after }
    }
    for (const gate of await gatesOnTheWay((await prepare()).first)) {
      const { first, second, after } = await prepare()
      await keeper.shut(gate)
      const begun = running(first(stopping))
      while (!begun.ended && (await keeper.stopped()) === undefined) await sleep(1)
      const met = running(second(passing))
      await untilWaiting(met)
      await keeper.letGo()
      const results = await Promise.allSettled(exchanged ? [met.done, begun.done] : [begun.done, met.done])
      try {
        await after?.(...(results as [PromiseSettledResult<unknown>, PromiseSettledResult<unknown>]))
      } catch (error) {
        return [`${error}`, `when ${exchanged ? 'the other' : 'one'} stood before gate ${gate}`]
      }
      const wrong = await wrongsIn(bench.db)
      if (wrong.length > 0) return wrong
    }
  }
  return []

  /** Those that it passes when nothing else happens. */
  async function gatesOnTheWay(step: (metadata: Metadata) => Promise<unknown>): Promise<Set<number>> {
    const reached = new Set<number>()
    await keeper.shut(...Array.from({ length: gates }, (_, index) => index + 1))
    const begun = running(step(stopping))
    while (!begun.ended) {
      const gate = await keeper.stopped()
      if (gate === undefined) {
        await sleep(1)
        continue
      }
      reached.add(gate)
      await keeper.letGo(gate)
    }
    await keeper.letGo()
    return reached
  }

  /** It has ended, or waits for a row. */
  async function untilWaiting(met: Running): Promise<void> {
    // A purge waits for commits without waiting for a lock.
    const until = performance.now() + 300
    while (!met.ended && !(await bench.schema.isWaiting()) && performance.now() < until) await sleep(2)
  }
}

interface Running {
  done: Promise<unknown>
  ended: boolean
}

function running(done: Promise<unknown>): Running {
  const it = { done, ended: false }
  const end = () => {
    it.ended = true
  }
  done.then(end, end)
  return it
}
