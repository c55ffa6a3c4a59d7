import { Random } from '../../support/random.ts'
import { cursors } from './cursors.ts'
import { type Case, type Fuzzer, spell } from './fuzzer.ts'
import { http } from './http.ts'
import { names } from './names.ts'
import { references } from './references.ts'
import { sniffing } from './sniffing.ts'
import { mimeTypes } from './types.ts'

export const fuzzers: readonly Fuzzer[] = [...names, ...mimeTypes, ...http, ...references, ...sniffing, ...cursors]

/** No input may take longer, in milliseconds: one request must not block all the others. */
const timeLimit = 250

export interface Settings {
  runs: number
  seed: string
  /** Milliseconds since 1970, when to stop. */
  until?: number
  /** Ends it earlier. */
  signal?: AbortSignal
  /** Only this run, to look at a failure again. */
  at?: number | undefined
}

export interface Failure {
  run: number
  problem: string
  /** As one line, escaped. */
  input: string
}

export interface Report {
  name: string
  seed: string
  runs: number
  /** The first 20. */
  failures: Failure[]
  failed: number
  /** The input that took longest. */
  slowest: { milliseconds: number; run: number; input: string }
}

/** Runs one fuzzer. Each run has its own seed, so that a failure is repeated without the runs before it. */
export async function fuzz(
  fuzzer: Fuzzer,
  { runs, seed, until = Number.POSITIVE_INFINITY, signal, at }: Settings,
): Promise<Report> {
  const report: Report = {
    ...{ name: fuzzer.name, seed, runs: 0, failures: [], failed: 0 },
    slowest: { milliseconds: 0, run: 0, input: '' },
  }
  for (let run = at ?? 0; run < (at === undefined ? runs : at + 1); run++) {
    if (run % 256 === 0) {
      // Ctrl-C is only noticed between turns.
      if (signal) await new Promise(setImmediate)
      if (Date.now() > until || signal?.aborted) break
    }
    report.runs += 1
    const one = fuzzer.make(new Random(`${seed} ${fuzzer.name} ${run}`))
    const start = performance.now()
    try {
      await one.check()
    } catch (error) {
      fail(report, run, one, error)
      continue
    }
    let milliseconds = performance.now() - start
    if (milliseconds <= report.slowest.milliseconds) continue
    // A busy machine, or garbage collection, is no slowness of the input.
    for (let again = 0; again < 3; again++) milliseconds = Math.min(milliseconds, await timeOf(one))
    if (milliseconds > report.slowest.milliseconds) {
      report.slowest = { milliseconds, run, input: spell(one.input, 200) }
    }
    if (milliseconds > timeLimit) fail(report, run, one, new Error(`took ${Math.round(milliseconds)} ms`))
  }
  await fuzzer.close?.()
  return report
}

async function timeOf({ check }: Case): Promise<number> {
  const start = performance.now()
  await check()
  return performance.now() - start
}

function fail(report: Report, run: number, { input }: Case, error: unknown): void {
  report.failed += 1
  if (report.failures.length >= 20) return
  const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  report.failures.push({ run, problem, input: spell(input) })
}
