import { readdirSync } from 'node:fs'

/** What a process holds: what must not grow. */
export interface Vitals {
  /** Resident memory in bytes. */
  memory: number
  /** Open file descriptors; 0 where the system does not tell. */
  descriptors: number
}

export function vitalsOf(process: NodeJS.Process): Vitals {
  return { memory: process.memoryUsage.rss(), descriptors: countDescriptors() }
}

function countDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
