import { readdirSync } from 'node:fs'

/** What a process holds, and what must not grow. */
export interface Vitals {
  /** Resident memory in bytes, garbage included. */
  memory: number
  /** What is alive in the heap and outside of it, in bytes. */
  live: number
  /** Open file descriptors; 0 if the system does not report them. */
  descriptors: number
}

export function vitalsOf(process: NodeJS.Process): Vitals {
  const memory = process.memoryUsage.rss()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return { memory, live: heapUsed + external, descriptors: countDescriptors() }
}

function countDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
