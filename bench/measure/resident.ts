import { readFileSync, writeFileSync } from 'node:fs'

/** Reads a process's resident memory, in bytes, from Linux. */
export class Resident {
  readonly #pid: number

  constructor(pid: number) {
    this.#pid = pid
  }

  now(): number {
    return this.#field('VmRSS')
  }

  /** The highest since the last `resetPeak`. The kernel records it, so no peak is missed. */
  peak(): number {
    return this.#field('VmHWM')
  }

  resetPeak(): void {
    writeFileSync(`/proc/${this.#pid}/clear_refs`, '5')
  }

  #field(name: string): number {
    const line = readFileSync(`/proc/${this.#pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'))
    return Number(line?.[1]) * 1024
  }
}
