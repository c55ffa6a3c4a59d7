import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { breaking, number, text } from '../options.ts'
import { type Control, defineTrial } from '../trial.ts'
import { type BrokenRule, brokenRules } from './broken-rules.ts'
import { type Simulated, simulate } from './simulate.ts'
import type { Share } from './worker.ts'

// Seeds are counted, not chosen: each decides everything by itself.

export const trial = defineTrial({
  about: 'Simulates lives of a host with its store: processes, crashes, faults and a clock, all from one seed',
  options: {
    seeds: number('so many seeds, where no --minutes are given', 100),
    from: number('from this one on', 1),
    seed: text('S', 'this one, with every step printed'),
    operations: number('of each seed', 300),
    jobs: number('threads', availableParallelism()),
    break: breaking(brokenRules),
  },
  run: async ({ seed, seeds, from, operations, jobs, minutes, break: broken }, control) => {
    const report = { operations, broken, say: control.say }
    const options = { operations, breaking: broken ?? undefined }
    if (seed !== undefined) {
      if (!(Number(seed) >= 0)) throw new Error(`--seed ${seed}: expected a number`)
      const one = await simulate(Number(seed), options, control.say)
      tell(one, report)
      return { found: one.failure !== undefined, report: one }
    }
    const before = minutes === Number.POSITIVE_INFINITY ? from + seeds : Number.MAX_SAFE_INTEGER
    const shares = Array.from({ length: jobs }, (_, job) => ({ from: from + job, before, stride: jobs, options }))
    const total = await simulateAll(shares, minutes, control, (one) => tell(one, report))
    return { found: total.failures > 0, report: total }
  },
})

interface Total {
  seeds: number
  operations: number
  steps: number
  crashes: number
  faults: number
  failures: number
}

/** Each share in a thread, which has its own clocks and random numbers. */
async function simulateAll(
  shares: readonly Share[],
  minutes: number,
  { say, progress, signal }: Control,
  onFailure: (one: Simulated) => void,
): Promise<Total> {
  const start = performance.now()
  const total: Total = { seeds: 0, operations: 0, steps: 0, crashes: 0, faults: 0, failures: 0 }
  const work = shares.map((share) => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: share })
    const end = () => void worker.terminate()
    signal.addEventListener('abort', end)
    if (Number.isFinite(minutes)) setTimeout(end, minutes * 60_000).unref()
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject)
      worker.on('exit', () => resolve())
      worker.on('message', (one: Simulated) => {
        total.seeds += 1
        for (const what of ['operations', 'steps', 'crashes', 'faults'] as const) total[what] += one[what]
        if (one.failure === undefined) return
        total.failures += 1
        onFailure(one)
        if (total.failures >= 10) end()
      })
    })
  })
  const telling = setInterval(() => {
    progress(`${total.seeds} seeds, ${total.operations} operations, ${total.failures} failures`)
  }, 30_000)
  await Promise.all(work)
  clearInterval(telling)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const figures = Object.entries(total).map(([what, count]) => `${what} ${count}`)
  say(`${figures.join(', ')} in ${seconds} s`)
  return total
}

interface Telling {
  operations: number
  broken: BrokenRule | null
  say: Control['say']
}

function tell(one: Simulated, { operations, broken, say }: Telling): void {
  const { seed, fingerprint, failure, steps, crashes, faults } = one
  if (failure === undefined) {
    say(
      `seed ${seed}: ${one.operations} operations, ${steps} steps, ${crashes} crashes, ${faults} faults (${fingerprint})`,
    )
    return
  }
  const replayed = operations === 300 ? '' : ` --operations ${operations}`
  say(`seed ${seed} failed after ${one.operations} operations: ${failure}`)
  say(`  replay: npm run trial -- simulate --seed ${seed}${replayed}${broken ? ` --break ${broken}` : ''}`)
}
