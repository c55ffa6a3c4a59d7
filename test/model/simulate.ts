import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { type BrokenRule, brokenRules } from './simulation/broken-rules.ts'
import type { LifeOptions } from './simulation/life.ts'
import { type Simulated, simulate } from './simulation/simulate.ts'
import type { Share } from './simulation/worker.ts'

const usage = `npm run test:simulate -- [options]
  --seeds N        so many seeds (default 100)
  --from S         from this one on (default 1)
  --minutes M      as many seeds as fit into this time
  --seed S         this one, with every step printed
  --operations N   of each seed (default 300)
  --jobs N         threads (default: as many as there are processors)
  --break RULE     with a rule of the protocol that is not kept: ${brokenRules.join(', ')}
`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    operations: { type: 'string', default: '300' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    break: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const say = (line: string): boolean => process.stdout.write(`${line}\n`)
const breaking = values.break as BrokenRule | undefined
const options: LifeOptions = { operations: numberOf('operations'), breaking }

if (values.help || (breaking && !brokenRules.includes(breaking))) say(usage)
else if (values.seed !== undefined) report(await simulate(numberOf('seed'), options, say))
else await simulateAll()

/** Spreads the seeds over threads: each has clocks and chance of its own. */
async function simulateAll(): Promise<void> {
  const start = performance.now()
  const from = numberOf('from')
  const minutes = values.minutes === undefined ? undefined : numberOf('minutes')
  const before = minutes === undefined ? from + numberOf('seeds') : Number.MAX_SAFE_INTEGER
  const jobs = numberOf('jobs')
  const total = { seeds: 0, operations: 0, steps: 0, crashes: 0, faults: 0, failures: 0 }

  const work = Array.from({ length: jobs }, (_, job) => {
    const share: Share = { from: from + job, before, stride: jobs, options }
    const worker = new Worker(new URL('simulation/worker.ts', import.meta.url), { workerData: share })
    if (minutes !== undefined) setTimeout(() => void worker.terminate(), minutes * 60_000)
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', () => resolve())
      worker.on('message', (one: Simulated) => {
        total.seeds += 1
        for (const what of ['operations', 'steps', 'crashes', 'faults'] as const) total[what] += one[what]
        if (one.failure === undefined) return
        total.failures += 1
        report(one)
        if (total.failures >= 10) void worker.terminate()
      })
    })
  })
  const telling = setInterval(() => {
    process.stderr.write(`${total.seeds} seeds, ${total.operations} operations, ${total.failures} failures\n`)
  }, 30_000)
  await Promise.all(work)
  clearInterval(telling)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const figures = Object.entries(total).map(([what, count]) => `${what} ${count}`)
  say(`${figures.join(', ')} in ${seconds} s`)
}

function report({ seed, fingerprint, failure, operations, steps, crashes, faults }: Simulated): void {
  if (failure === undefined) {
    say(`seed ${seed}: ${operations} operations, ${steps} steps, ${crashes} crashes, ${faults} faults (${fingerprint})`)
    return
  }
  process.exitCode = 1
  const replayed = options.operations === 300 ? '' : ` --operations ${options.operations}`
  say(`seed ${seed} failed after ${operations} operations: ${failure}`)
  say(`  replay: npm run test:simulate -- --seed ${seed}${replayed}${breaking ? ` --break ${breaking}` : ''}`)
}

function numberOf(name: 'seeds' | 'from' | 'minutes' | 'seed' | 'operations' | 'jobs'): number {
  const number = Number(values[name])
  if (number >= 0) return number
  throw new Error(`--${name} must be a number`)
}
