import { type Figures, quantile } from './figures.ts'
import { observe } from './observe.ts'

export interface Schedule {
  /** How many operations run at once. */
  lanes: number
  /** How long to measure, in seconds, */
  seconds: number
  /** or until there were so many operations, including the warm-up. @default any number */
  most?: number
  /** Operations before the measurement, so that code is compiled and files are open. @default 200 */
  warmUp?: number
}

/** The warm-up is not measured, and may be fast. */
const warmUpLanes = 16

type Measured = Pick<Required<Figures>, 'rate' | 'cpu' | 'p50' | 'p95' | 'p99' | 'memory' | 'loopDelay' | 'operations'>

/** Runs something again and again, each time with its number, from 0. The results are kept, to be checked later. */
export async function measure<T>(
  { lanes, seconds, most = Number.POSITIVE_INFINITY, warmUp = 200 }: Schedule,
  operation: (number: number) => Promise<T>,
): Promise<{ figures: Measured; results: T[] }> {
  const results: T[] = []
  const took: number[] = []
  const run = (until: number, seconds: number, lanes: number): Promise<void> => {
    const end = performance.now() + seconds * 1000
    const first = results.length
    return inLanes(lanes, until - first, async (index) => {
      const begin = performance.now()
      if (begin >= end) return false
      results.length++
      results[first + index] = await operation(first + index)
      took.push(performance.now() - begin)
      return true
    })
  }
  await run(Math.min(warmUp, Math.ceil(most / 4)), seconds * 15, Math.max(lanes, warmUpLanes))
  took.length = 0
  const { elapsed, cpu, memory, loopDelay } = await observe(() => run(most, seconds, lanes))
  return { figures: { ...speed(took, elapsed), cpu: cpu / took.length, memory, loopDelay }, results }
}

/** From operations that took so many ms each, and so many together. */
function speed(took: number[], elapsed: number) {
  const sorted = took.toSorted((a, b) => a - b)
  return {
    rate: (took.length / elapsed) * 1000,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    operations: took.length,
  }
}

/** Runs something for each number below `count`, so many at once; false ends it. */
export async function inLanes(lanes: number, count: number, step: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) if ((await step(next++)) === false) return
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
