import { amountOf, untilOver } from '../support/amount.ts'
import { Random } from '../support/random.ts'
import { Rotting } from './rotting.ts'

// Bits that flip: see rotting.ts. Ends with 1 when one was not found, or a clean file was called damaged.

const usage = `npm run test:rot -- [options]

Flips single bits in stored files, and checks that scrubbing finds each of them and nothing else.

  --flips N     so many flips, among ten times as many clean files (default 1000; with --minutes alone: until they are over)
  --minutes M   stop after M minutes
  --seed S      the contents and flips of an earlier run again
`

const amount = amountOf({ usage, count: ['flips', 1000] }, () => ({}))
process.stdout.write(`seed ${amount.seed}\n`)
const rotting = new Rotting(new Random(String(amount.seed)))
const { tally } = rotting
try {
  await untilOver(
    amount,
    () => rotting.round(),
    () => `${tally.found} flips found of ${tally.flipped}, ${tally.falseAlarms} false alarms in ${tally.clean}`,
  )
  if (tally.found < tally.flipped || tally.falseAlarms > 0) process.exitCode = 1
} finally {
  await rotting.remove()
}
