import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Resident } from './resident.ts'

/** In ms: how often the event loop is checked. */
const resolution = 2

export interface Observed {
  /** In ms. */
  elapsed: number
  /** CPU time, user and system, of all threads, in µs. */
  cpu: number
  /** The highest resident memory above that before, in bytes. */
  memory: number
  /** How late the event loop was, in ms: the 99th percentile. */
  loopDelay: number
  /** How late it was at worst, in ms. */
  worstDelay: number
}

/** What this process uses while it runs something. */
export async function observe(something: () => Promise<void>): Promise<Observed> {
  const resident = new Resident(process.pid)
  globalThis.gc?.()
  const base = resident.now()
  resident.resetPeak()
  const loop = monitorEventLoopDelay({ resolution })
  loop.enable()
  const before = process.cpuUsage()
  const start = performance.now()
  await something()
  const elapsed = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  loop.disable()
  return {
    elapsed,
    cpu: user + system,
    memory: Math.max(0, resident.peak() - base),
    // Checks a timer of this resolution, which is never early.
    loopDelay: Math.max(0, loop.percentile(99) / 1e6 - resolution),
    worstDelay: Math.max(0, loop.max / 1e6 - resolution),
  }
}
