import { amountOf, chosenOf, untilOver } from '../support/amount.ts'
import { diskPlace, memoryPlace } from './places.ts'
import { expectModelled, settings } from './property.ts'

// Random sequences of what hosts do, compared with the model: see property.ts. Ends with 1 when store and model differ.

const makers = { memory: memoryPlace, disk: diskPlace } as const
const names = ['memory', 'disk'] as const

const usage = `npm run test:commands -- [options]

Does what hosts do, about 50 commands in a row, and compares each answer with a model that knows only the contract.

  --runs N      so many sequences at each place (default 1000; with --minutes alone: until they are over)
  --minutes M   stop after M minutes in all
  --place P     ${names.join(' or ')} (default both)
  --seed S      the sequences of an earlier run again
`

const { places, ...amount } = amountOf({ usage, count: ['runs', 1000], more: ['place'] }, (values) => ({
  places: chosenOf(values, 'place', names),
}))
/** Sequences of one seed. */
const batch = 20
const share = { ...amount, minutes: amount.minutes / places.length }

process.stdout.write(`seed ${amount.seed}\n`)
for (const place of places) {
  if (process.exitCode !== undefined) break
  let [commands, failures] = [0, 0]
  const round = async (done: number): Promise<number> => {
    const runs = Math.min(batch, amount.count - done)
    const seed = amount.seed + done
    try {
      commands += await expectModelled(() => makers[place](settings), runs, seed)
    } catch (error) {
      failures += 1
      process.exitCode = 1
      process.stdout.write(`${error instanceof Error ? error.message : error}\n`)
      process.stdout.write(`  replay: npm run test:commands -- --place ${place} --runs ${runs} --seed ${seed}\n`)
    }
    return runs
  }
  await untilOver(share, round, (done) => `${place}: ${done} sequences, ${commands} commands, ${failures} differences`)
}
