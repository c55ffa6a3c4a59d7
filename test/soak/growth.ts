import type { Vitals } from '../crash/kill/vitals.ts'

const mebibyte = 1024 * 1024

/** What a process held, time after time. */
export class Samples {
  readonly #taken: Vitals[] = []

  add(vitals: Vitals): void {
    this.#taken.push(vitals)
  }

  get latest(): Vitals | undefined {
    return this.#taken.at(-1)
  }

  /**
   * The median of the second fifth of the time, when all is warm, and that of the last. Long runs have little noise to
   * tolerate, short ones much: a heap grows in its first minutes.
   */
  growth(): { memory: [number, number]; descriptors: [number, number]; grew: string[] } {
    const memory = this.#fifths(({ memory }) => memory)
    const descriptors = this.#fifths(({ descriptors }) => descriptors)
    const grew: string[] = []
    if (memory[1] > memory[0] * 1.25 + 32 * mebibyte)
      grew.push(`memory from ${inMiB(memory[0])} to ${inMiB(memory[1])}`)
    if (descriptors[1] > descriptors[0] + 5) grew.push(`descriptors from ${descriptors[0]} to ${descriptors[1]}`)
    return { memory, descriptors, grew }
  }

  #fifths(of: (vitals: Vitals) => number): [number, number] {
    const values = this.#taken.map(of)
    const fifth = values.length / 5
    return [median(values.slice(Math.floor(fifth), Math.ceil(2 * fifth))), median(values.slice(Math.floor(4 * fifth)))]
  }
}

export const inMiB = (bytes: number): string => `${Math.round(bytes / mebibyte)} MiB`

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, two) => one - two)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
