import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Samples } from './measure/samples.ts'
import { takeSample } from './process/child.ts'
import { fillFreeMemory } from './process/fill-memory.ts'
import { type BenchOptions, parseOptions } from './process/options.ts'
import { installMissing } from './process/packages.ts'
import { plan } from './process/plan.ts'
import { Progress } from './process/progress.ts'
import { facts } from './report/facts.ts'
import { goalLines } from './report/goal-lines.ts'
import { writePage } from './report/page.ts'
import { keepResults, lastResults, type Results, samplesOf, withPart } from './report/results.ts'
import { printGoals, printWorks } from './report/terminal.ts'

// npm run bench: see docs/benchmarks.md. Ends with 1 when a sample failed, or a goal that was measured does not hold.

const options = parseOptions(process.argv.slice(2))
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

if (!options.smoke && !options.last) installMissing()
const folder = join(resolve(options.dir), `${process.pid}`)
try {
  const isWhole = !options.smoke && options.only === null
  const results = options.last ? await lastResults() : await measureAll(options, isWhole ? keepResults : undefined)
  const samples = samplesOf(results)
  console.log(`${printWorks(samples)}\n\n${printGoals(samples)}`)
  // A partial run replaces its part of the last full one when it is to be written.
  const isPart = options.only !== null && !options.last
  const whole = isPart && options.write ? withPart(await lastResults(), results) : results
  if (isPart && options.write) await keepResults(whole)
  if (options.write) await writePage(whole)
  if (!options.smoke && goalLines(samples).some(({ verdict }) => verdict === 'does not hold')) process.exitCode = 1
} catch (error) {
  if (!stop.signal.aborted) throw error
  process.stderr.write('\nStopped\n')
  process.exitCode = 130
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Calls `keep` with the rounds that are complete, so that a run that is stopped is of use: see `--last`. */
async function measureAll(
  { full, rounds, seconds, scale, smoke }: BenchOptions,
  keep?: (results: Results) => Promise<void>,
): Promise<Results> {
  await mkdir(folder, { recursive: true })
  const planned = plan(options, (why) => process.stderr.write(`${why}\n`))
  const progress = new Progress(planned.length)
  const samples = new Samples()
  const resultsOf = (rounds: number): Results => ({ facts: facts(folder), full, rounds, series: samples.series })
  for (const [at, { work, contender, round }] of planned.entries()) {
    progress.begin(`${work.name} of ${contender}, ${round < 0 ? 'to warm up' : `round ${round + 1}`}`)
    const place = { folder: join(folder, 'sample'), seconds, scale }
    try {
      if (!smoke) fillFreeMemory(folder)
      const figures = await takeSample(work.name, contender, place, stop.signal)
      if (round >= 0) samples.add(work.name, contender, figures)
    } catch (error) {
      if (stop.signal.aborted) throw error
      progress.say(`${error instanceof Error ? error.message : error}`)
      process.exitCode = 1
    } finally {
      await rm(place.folder, { recursive: true, force: true, maxRetries: 5 })
    }
    progress.end()
    if (round >= 0 && planned[at + 1]?.round !== round) await keep?.(resultsOf(round + 1))
  }
  progress.finish()
  return resultsOf(rounds)
}
