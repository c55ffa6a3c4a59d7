import { diskPlace, memoryPlace } from '../../model/places.ts'
import { expectModelled, settings } from '../../model/property.ts'
import { oneOf, times } from '../options.ts'
import { type Amount, untilOver } from '../rounds.ts'
import { type Control, defineTrial } from '../trial.ts'

// See test/model/property.ts.

const makers = { memory: memoryPlace, disk: diskPlace } as const
const names = ['memory', 'disk'] as const
/** Sequences of one seed. */
const batch = 20

export const trial = defineTrial({
  about: 'Runs random calls of hosts, about 50 in a row, and compares each answer with a model of the contract',
  options: {
    runs: times(1000, 'so many sequences at each place'),
    place: oneOf(names, 'only there'),
  },
  run: async ({ runs, place: places, minutes, seed }, control) => {
    control.say(`seed ${seed}`)
    if (!Number.isSafeInteger(Number(seed))) throw new Error(`--seed ${seed}: expected a number`)
    const reports: PlaceReport[] = []
    for (const place of places) {
      reports.push(await compareAt(place, { count: runs, minutes: minutes / places.length }, Number(seed), control))
      if (reports.at(-1)?.differences !== 0) break
    }
    return { found: reports.some(({ differences }) => differences > 0), report: { seed, reports } }
  },
})

interface PlaceReport {
  place: keyof typeof makers
  sequences: number
  commands: number
  differences: number
}

async function compareAt(
  place: keyof typeof makers,
  amount: Amount,
  first: number,
  control: Control,
): Promise<PlaceReport> {
  let [commands, differences] = [0, 0]
  const round = async (done: number): Promise<number> => {
    const runs = Math.min(batch, amount.count - done)
    const seed = first + done
    try {
      commands += await expectModelled(() => makers[place](settings), runs, seed)
    } catch (error) {
      differences += 1
      control.say(error instanceof Error ? error.message : String(error))
      control.say(`  replay: npm run trial -- commands --place ${place} --runs ${runs} --seed ${seed}`)
    }
    return runs
  }
  const sequences = await untilOver(amount, control, round, (done) => {
    return `${place}: ${done} sequences, ${commands} commands, ${differences} differences`
  })
  return { place, sequences, commands, differences }
}
