import { number, type Option, times } from '../options.ts'
import { type Control, defineTrial } from '../trial.ts'
import type { Fuzzer } from './fuzzer.ts'
import { fuzz, fuzzers, type Report } from './run.ts'

// See run.ts.

const names = fuzzers.map(({ name }) => name)
const only: Option<readonly Fuzzer[]> = {
  value: 'name,name',
  help: `only these: ${names.join(', ')}`,
  read: (text) => {
    const wanted = text?.split(',') ?? names
    const chosen = fuzzers.filter(({ name }) => wanted.includes(name))
    if (chosen.length !== wanted.length) throw new Error('there is no such fuzzer')
    return chosen
  },
}

export const trial = defineTrial({
  about: 'Passes malicious input to the library’s parsers, and checks their promises',
  options: {
    runs: times(100_000, 'inputs for each fuzzer'),
    only,
    at: number('only this run, to look at a failure again (with --seed and --only)', undefined),
  },
  run: async ({ runs, only: chosen, at, minutes, seed }, { say, signal }) => {
    say(`seed ${seed}`)
    const share = (minutes * 60_000) / chosen.length
    const reports: Report[] = []
    for (const fuzzer of chosen) {
      if (signal.aborted) break
      const start = Date.now()
      const report = await fuzz(fuzzer, { runs, seed, at, until: start + share, signal })
      print(report, (Date.now() - start) / 1000, say)
      reports.push(report)
    }
    const failed = reports.reduce((sum, report) => sum + report.failed, 0)
    say(failed === 0 ? 'no failures' : `${failed} failures`)
    return { found: failed > 0, report: { seed, failed, reports } }
  },
})

function print({ name, runs, failed, failures, slowest, seed }: Report, seconds: number, say: Control['say']): void {
  const figures = [`${runs} runs`, `${failed} failures`, `${seconds.toFixed(1)} s`]
  say(`${name.padEnd(15)} ${figures.join(', ')}, slowest ${slowest.milliseconds.toFixed(2)} ms`)
  say(`${' '.repeat(15)} slowest input: ${slowest.input}`)
  for (const { run, problem, input } of failures) {
    say(`  FAILED --seed ${seed} --only ${name} --at ${run}: ${problem}\n    ${input}`)
  }
}
