import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { goals, holds } from './goals.ts'
import { Samples } from './measure/samples.ts'
import { takeSample } from './process/child.ts'
import { parseOptions } from './process/options.ts'
import { plan } from './process/plan.ts'
import { Progress } from './process/progress.ts'
import { printGoals, printWorks } from './report/table.ts'

// npm run bench: see docs/benchmarks.md. Ends with 1 when a goal that was measured does not hold.

const options = parseOptions(process.argv.slice(2))
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const folder = join(resolve(options.dir), `${process.pid}`)
const samples = new Samples()
const planned = plan(options)
const progress = new Progress(planned.length)
try {
  await mkdir(folder, { recursive: true })
  for (const { work, contestant, round } of planned) {
    progress.begin(`${work.name} of ${contestant}, round ${round + 1}`)
    const place = join(folder, 'sample')
    try {
      samples.add(
        work.name,
        contestant,
        await takeSample({ ...options, work: work.name, contestant, folder: place, signal: stop.signal }),
      )
    } catch (error) {
      if (stop.signal.aborted) throw error
      progress.say(`${error instanceof Error ? error.message : error}`)
      process.exitCode = 1
    } finally {
      await rm(place, { recursive: true, force: true, maxRetries: 5 })
    }
    progress.end()
  }
  progress.finish()
  console.log(`${printWorks(samples)}\n\n${printGoals(samples)}`)
  if (!options.smoke) {
    const results = join(import.meta.dirname, 'results')
    await mkdir(results, { recursive: true })
    await writeFile(join(results, 'latest.json'), `${JSON.stringify(samples, null, 2)}\n`)
    if (goals.some((goal) => holds(goal, goal.of(samples)) === false)) process.exitCode = 1
  }
} catch (error) {
  if (!stop.signal.aborted) throw error
  progress.say('Stopped')
  process.exitCode = 130
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}
