import { Random } from '../../support/random.ts'
import { times } from '../options.ts'
import { untilOver } from '../rounds.ts'
import { defineTrial } from '../trial.ts'
import { Rotting } from './rotting.ts'

// See rotting.ts.

export const trial = defineTrial({
  about: 'Flips single bits in stored files: scrubbing finds each of them, and nothing else',
  options: { flips: times(1000, 'so many flips, among ten times as many clean files') },
  run: async ({ flips, minutes, seed }, control) => {
    control.say(`seed ${seed}`)
    const rotting = new Rotting(new Random(seed))
    const { tally } = rotting
    try {
      await untilOver(
        { count: flips, minutes },
        control,
        () => rotting.round(),
        () => `${tally.found} flips found of ${tally.flipped}, ${tally.falseAlarms} false alarms in ${tally.clean}`,
      )
      return { found: tally.found < tally.flipped || tally.falseAlarms > 0, report: { seed, ...tally } }
    } finally {
      await rotting.remove()
    }
  },
})
