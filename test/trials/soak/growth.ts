import type { Vitals } from '../crash/vitals.ts'

const mebibyte = 1024 * 1024

/** Additional descriptors of a process once its log was long for the first time: those of the checkpoint thread. */
const ofThread = 7

/** Each at first and at last; and what is more than chance. */
export interface Growth {
  memory: [number, number]
  live: [number, number]
  descriptors: [number, number]
  grew: string[]
}

/** What a process held, at each sample. */
export class Samples {
  readonly #taken: Vitals[] = []

  add(vitals: Vitals): void {
    this.#taken.push(vitals)
  }

  get latest(): Vitals | undefined {
    return this.#taken.at(-1)
  }

  /**
   * The median of the second fifth of the time, when everything is warm, and that of the last. Live memory hardly
   * varies; resident memory does, with garbage, and a heap grows for minutes.
   */
  growth(): Growth {
    const memory = this.#fifths(({ memory }) => memory)
    const live = this.#fifths(({ live }) => live)
    const descriptors = this.#fifths(({ descriptors }) => descriptors)
    const grew: string[] = []
    if (memory[1] > memory[0] * 1.3 + 48 * mebibyte) grew.push(`memory from ${memory.map(inMiB).join(' to ')}`)
    if (live[1] > live[0] * 1.25 + 10 * mebibyte) grew.push(`live memory from ${live.map(inMiB).join(' to ')}`)
    if (descriptors[1] > descriptors[0] + 5 + ofThread) grew.push(`descriptors from ${descriptors.join(' to ')}`)
    return { memory, live, descriptors, grew }
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
