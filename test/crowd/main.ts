import { amountOf, numberOf, untilOver } from '../support/amount.ts'
import { Random } from '../support/random.ts'
import { Crowd } from './crowd.ts'

// Many uploads of the same bytes at once: see crowd.ts. Ends with 1 when there is another number of copies than one.

const usage = `npm run test:crowd -- [options]

Uploads the same bytes many times at once, and checks that one copy lives, for as long as it is needed.

  --rounds N    so many crowds (default 10; with --minutes alone: until they are over)
  --minutes M   stop after M minutes
  --uploads U   uploads of each crowd (default 1000)
  --seed S      the choices of an earlier run again
`

const options = amountOf({ usage, count: ['rounds', 10], more: ['uploads'] }, (values) => ({
  uploads: numberOf(values, 'uploads') ?? 1000,
}))
process.stdout.write(`seed ${options.seed}\n`)
const crowd = new Crowd(new Random(String(options.seed)), options.uploads)
try {
  await untilOver(
    options,
    async () => {
      await crowd.round(options.uploads)
      return 1
    },
    (done) => `${done} crowds of ${options.uploads}, ${crowd.uploads} uploads acknowledged, one live copy each time`,
  )
} finally {
  await crowd.remove()
}
