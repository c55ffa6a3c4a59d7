import { Random } from '../../support/random.ts'
import { number, times } from '../options.ts'
import { untilOver } from '../rounds.ts'
import { defineTrial } from '../trial.ts'
import { Crowd } from './crowd.ts'

// See crowd.ts.

export const trial = defineTrial({
  about: 'Uploads the same bytes many times at once: one copy lives, for as long as it is needed',
  options: {
    rounds: times(10, 'so many crowds'),
    uploads: number('uploads of each crowd', 1000),
  },
  run: async ({ rounds, uploads, minutes, seed }, control) => {
    control.say(`seed ${seed}`)
    const crowd = new Crowd(new Random(seed), uploads)
    const once = async (): Promise<number> => {
      await crowd.round(uploads)
      return 1
    }
    try {
      const done = await untilOver({ count: rounds, minutes }, control, once, (done) => {
        return `${done} crowds of ${uploads}, ${crowd.uploads} uploads acknowledged, one live copy each time`
      })
      return { found: false, report: { seed, crowds: done, uploads: crowd.uploads } }
    } finally {
      await crowd.remove()
    }
  },
})
