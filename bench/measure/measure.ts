import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Figures, quantile } from './figures.ts'
import { Resident } from './resident.ts'

export interface Schedule {
  /** How many operations are under way at once. */
  lanes: number
  /** Operations before anything is measured: code is compiled, files are opened. */
  warmUp: number
  /** The measured ones end after this many seconds, */
  seconds: number
  /** or this many operations. */
  most: number
}

/** In ms: how often the event loop is looked at. */
const resolution = 2

/**
 * Runs an operation again and again, each time with its number, from 0. Its time is that of one; what it gives is
 * collected for checking afterwards, and not looked at here.
 */
export async function measure<T>(
  { lanes, warmUp, seconds, most }: Schedule,
  operation: (number: number) => Promise<T>,
): Promise<{ figures: Figures; results: T[] }> {
  const results: T[] = []
  await inLanes(lanes, async () => {
    const number = results.length
    if (number >= warmUp) return false
    results.length++
    results[number] = await operation(number)
    return true
  })
  const resident = new Resident(process.pid)
  globalThis.gc?.()
  const base = resident.now()
  resident.resetPeak()
  const loop = monitorEventLoopDelay({ resolution })
  const took: number[] = []
  loop.enable()
  const cpu = process.cpuUsage()
  const start = performance.now()
  const end = start + seconds * 1000
  await inLanes(lanes, async () => {
    const begin = performance.now()
    const number = results.length
    if (begin >= end || number >= most) return false
    results.length++
    results[number] = await operation(number)
    took.push(performance.now() - begin)
    return true
  })
  const elapsed = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  loop.disable()
  took.sort((a, b) => a - b)
  const figures = {
    rate: (took.length / elapsed) * 1000,
    cpu: (user + system) / took.length,
    p50: quantile(took, 0.5),
    p95: quantile(took, 0.95),
    p99: quantile(took, 0.99),
    memory: resident.peak() - base,
    loopDelay: Math.max(0, loop.percentile(99) / 1e6 - resolution),
    operations: took.length,
  }
  return { figures, results }
}

async function inLanes(lanes: number, step: () => Promise<boolean>): Promise<void> {
  const lane = async (): Promise<void> => {
    while (await step());
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
