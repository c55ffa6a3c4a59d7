/** What is looked back on, in milliseconds: what was skipped quickly at the beginning must not promise too much. */
const window = 30_000

/** How fast an amount grows, over the last half minute. */
export class Speed {
  readonly #samples: { at: number; amount: number }[]

  constructor(at: number) {
    this.#samples = [{ at, amount: 0 }]
  }

  /** Takes note of the amount at a time in milliseconds, and tells how much it grows in a second. */
  note(at: number, amount: number): number {
    const samples = this.#samples
    const last = samples.at(-1)
    if (!last || at - last.at >= 1000) samples.push({ at, amount })
    while (samples.length > 2 && at - (samples[0]?.at ?? at) > window) samples.shift()
    const [first] = samples
    return first && at > first.at ? ((amount - first.amount) / (at - first.at)) * 1000 : 0
  }
}
