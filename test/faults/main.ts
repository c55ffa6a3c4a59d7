import { amountOf, chosenOf, numberOf, untilOver } from '../support/amount.ts'
import { Random } from '../support/random.ts'
import type { Level } from './levels.ts'
import { type Cell, cellsOf, tryCell } from './matrix.ts'
import { type Ambush, faultNames } from './trap.ts'

// Faults at the calls of a store's life: see matrix.ts. Ends with 1 when anything was lost, left, or told wrongly.

const levels: readonly Level[] = ['backend calls', 'system calls', 'SQL statements']
const kinds = ['one', 'pairs'] as const

const usage = `npm run test:faults -- [options]

Lets things go wrong in a store's life: at each of its calls each fault, then the life goes on.

  --faults K    one: each fault at each call, once; pairs: a second fault after the first, both chosen at random (default one)
  --tries N     so many lives at each level (default: one of each call and fault, or 1000 pairs; with --minutes alone: until
                they are over)
  --minutes M   stop after M minutes in all, shared evenly by the levels
  --level L     ${levels.join(', ')} (default all)
  --seed S      the pairs of an earlier run again
  --from N      beginning with this try, to look at a failure again (with --seed, --level and --tries)
`

const options = amountOf({ usage, count: ['tries', 1000], more: ['faults', 'level', 'from'] }, (values) => ({
  kind: chosenOf(values, 'faults', kinds).length === 1 ? (values.faults as (typeof kinds)[number]) : 'one',
  levels: chosenOf(values, 'level', levels),
  from: numberOf(values, 'from') ?? 0,
}))
const { kind, seed, from, minutes, count } = options

process.stdout.write(`seed ${seed}\n`)
for (const level of options.levels) await tryLevel(level)

async function tryLevel(level: Level): Promise<void> {
  const cells = await cellsOf(level)
  const tries = kind === 'one' ? Math.min(count, cells.length) : count
  let [both, failures] = [0, 0]
  const round = async (done: number): Promise<number> => {
    const at = from + done
    const { cell, second } = chosen(cells, at)
    try {
      if (await tryCell(cell, second)) both += 1
    } catch (error) {
      failures += 1
      process.exitCode = 1
      process.stdout.write(`FAILED ${error instanceof Error ? error.message : error}\n`)
      const replay = `--faults ${kind} --level "${level}" --seed ${seed} --from ${at} --tries 1`
      process.stdout.write(`  replay: npm run test:faults -- ${replay}\n`)
    }
    return 1
  }
  const share = { seed, count: tries, minutes: minutes / options.levels.length }
  await untilOver(share, round, (done) => {
    const pairs = kind === 'pairs' ? `, ${both} with both faults` : ''
    return `${level}: ${done} lives of ${cells.length} calls and faults${pairs}, ${failures} failures`
  })
}

/** The same for the same seed, whichever came before. The second fault comes soon, for then the first is being answered. */
function chosen(cells: readonly Cell[], at: number): { cell: Cell; second?: Ambush } {
  if (kind === 'one') return { cell: cells[at % cells.length] as Cell }
  const random = new Random(`${seed} ${at}`)
  const second = { at: 1 + random.below(random.chance(0.7) ? 10 : 200), fault: random.pick(faultNames) }
  return { cell: random.pick(cells), second }
}
