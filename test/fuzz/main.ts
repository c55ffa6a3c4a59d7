import { stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { fuzz, fuzzers, type Report } from './run.ts'

const usage = `npm run test:fuzz -- [--runs N] [--minutes M] [--seed S] [--only name,name] [--at run]

Gives the library's parsers what nobody would send in good faith, and checks what they promise.

  --runs N     inputs for each fuzzer (default 100000; with --minutes alone: until they are over)
  --minutes M  stop after M minutes in all, shared evenly
  --seed S     the inputs of an earlier run again
  --only name  only these: ${fuzzers.map(({ name }) => name).join(', ')}
  --at run     only this run, to look at a failure again (with --seed and --only)
`

/** @throws for what cannot be meant */
function optionsOf(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      at: { type: 'string' },
    },
  })
  const names = values.only?.split(',') ?? fuzzers.map(({ name }) => name)
  const chosen = fuzzers.filter(({ name }) => names.includes(name))
  if (chosen.length !== names.length) throw new Error(`--only ${values.only}: there is no such fuzzer`)
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : numberOf('--minutes', values.minutes)
  const runs = Number.isFinite(minutes) ? Number.POSITIVE_INFINITY : 100_000
  return {
    chosen,
    minutes,
    runs: values.runs === undefined ? runs : numberOf('--runs', values.runs),
    seed: values.seed ?? String(Math.floor(Math.random() * 1e9)),
    at: values.at === undefined ? undefined : numberOf('--at', values.at),
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value) && value >= 0) return value
  throw new Error(`${name} ${text}: expected a number`)
}

function print({ name, runs, failed, failures, slowest, seed }: Report, seconds: number): void {
  const figures = [`${runs} runs`, `${failed} failures`, `${seconds.toFixed(1)} s`]
  stdout.write(`${name.padEnd(15)} ${figures.join(', ')}, slowest ${slowest.milliseconds.toFixed(2)} ms\n`)
  stdout.write(`${' '.repeat(15)} slowest input: ${slowest.input}\n`)
  for (const { run, problem, input } of failures) {
    stdout.write(`  FAILED --seed ${seed} --only ${name} --at ${run}: ${problem}\n    ${input}\n`)
  }
}

async function main(): Promise<number> {
  const { chosen, minutes, runs, seed, at } = optionsOf(process.argv.slice(2))
  stdout.write(`seed ${seed}\n`)
  const share = (minutes * 60_000) / chosen.length
  let failed = 0
  for (const fuzzer of chosen) {
    const start = Date.now()
    const report = await fuzz(fuzzer, { runs, seed, at, until: start + share })
    print(report, (Date.now() - start) / 1000)
    failed += report.failed
  }
  stdout.write(failed === 0 ? 'no failures\n' : `${failed} failures\n`)
  return failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  stdout.write(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
