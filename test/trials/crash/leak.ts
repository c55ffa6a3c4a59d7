import { openSync } from 'node:fs'
import { devNull } from 'node:os'
import type { Worker } from './child.ts'

const mebibyte = 1024 * 1024

/** Leaks memory and descriptors, 300 MiB and 80 over the given time: a soak must detect it. */
export class Leak implements Worker {
  readonly #kept: Uint8Array[] = []
  readonly #milliseconds: number
  readonly #started = performance.now()
  #descriptors = 0

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds
  }

  async turn(): Promise<void> {
    const part = Math.min(1, (performance.now() - this.#started) / this.#milliseconds)
    while (this.#kept.length < 300 * part) this.#kept.push(new Uint8Array(mebibyte).fill(1))
    for (; this.#descriptors < 80 * part; this.#descriptors++) openSync(devNull, 'r')
  }
}
