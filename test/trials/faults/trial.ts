import { Random } from '../../support/random.ts'
import { kind, number, oneOf, times } from '../options.ts'
import { untilOver } from '../rounds.ts'
import { type Control, defineTrial } from '../trial.ts'
import type { Level } from './levels.ts'
import { type Cell, cellsOf, tryCell } from './matrix.ts'
import { type Ambush, faultNames } from './trap.ts'

// See matrix.ts.

const levels: readonly Level[] = ['backend calls', 'system calls', 'SQL statements']
const kinds = ['one', 'pairs'] as const

export const trial = defineTrial({
  about: 'Causes faults in a store’s life: each fault at each of its calls, after which the life continues',
  options: {
    faults: kind(kinds, 'each fault at each call, once; or a second fault after the first, both chosen at random'),
    tries: times(1000, 'so many lives at each level; with one fault, at most as many as there are calls and faults'),
    level: oneOf(levels, 'only at this level'),
    from: number('beginning with this try, to look at a failure again (with --seed, --level and --tries)', 0),
  },
  run: async ({ faults, tries, level: chosen, from, minutes, seed }, control) => {
    control.say(`seed ${seed}`)
    const plan: Plan = { faults, tries, from, minutes: minutes / chosen.length, seed }
    const reports: LevelReport[] = []
    for (const level of chosen) reports.push(await tryLevel(level, plan, control))
    return { found: reports.some(({ failures }) => failures > 0), report: { seed, reports } }
  },
})

interface Plan {
  faults: (typeof kinds)[number]
  tries: number
  from: number
  minutes: number
  seed: string
}

interface LevelReport {
  level: Level
  lives: number
  cells: number
  /** In how many lives the second fault happened too. */
  both: number
  failures: number
}

async function tryLevel(level: Level, plan: Plan, control: Control): Promise<LevelReport> {
  const { faults, from, seed } = plan
  const cells = await cellsOf(level)
  const count = faults === 'one' ? Math.min(plan.tries, cells.length) : plan.tries
  let [both, failures] = [0, 0]
  const round = async (done: number): Promise<number> => {
    const at = from + done
    const { cell, second } = chosen(cells, at, plan)
    try {
      if (await tryCell(cell, second)) both += 1
    } catch (error) {
      failures += 1
      control.say(`FAILED ${error instanceof Error ? error.message : error}`)
      const replay = `--faults ${faults} --level "${level}" --seed ${seed} --from ${at} --tries 1`
      control.say(`  replay: npm run trial -- faults ${replay}`)
    }
    return 1
  }
  const lives = await untilOver({ count, minutes: plan.minutes }, control, round, (done) => {
    const pairs = faults === 'pairs' ? `, ${both} with both faults` : ''
    return `${level}: ${done} lives of ${cells.length} calls and faults${pairs}, ${failures} failures`
  })
  return { level, lives, cells: cells.length, both, failures }
}

/** The same for the same seed, whichever came before. The second fault comes soon, while the first is being handled. */
function chosen(cells: readonly Cell[], at: number, { faults, seed }: Plan): { cell: Cell; second?: Ambush } {
  if (faults === 'one') return { cell: cells[at % cells.length] as Cell }
  const random = new Random(`${seed} ${at}`)
  const second = { at: 1 + random.below(random.chance(0.7) ? 10 : 200), fault: random.pick(faultNames) }
  return { cell: random.pick(cells), second }
}
