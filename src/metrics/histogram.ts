/** Upper bounds of the buckets, in seconds: from a small file on a disk to a long video over the network. */
const bounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60]

/** How often something took how long. */
export class Histogram {
  /** Not cumulative; the last is for all that took longer. */
  readonly #buckets: number[] = Array.from({ length: bounds.length + 1 }, () => 0)
  #sum = 0

  observe(seconds: number): void {
    let at = 0
    while (at < bounds.length && seconds > (bounds[at] as number)) at++
    this.#buckets[at] = (this.#buckets[at] as number) + 1
    this.#sum += seconds
  }

  /** In Prometheus' text format. */
  lines(name: string, labels: string): string[] {
    let count = 0
    const buckets = this.#buckets.map((value, at) => {
      count += value
      return `${name}_bucket{${labels},le="${bounds[at] ?? '+Inf'}"} ${count}`
    })
    return [...buckets, `${name}_sum{${labels}} ${this.#sum}`, `${name}_count{${labels}} ${count}`]
  }
}
