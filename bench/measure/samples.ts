import { type Figures, median } from './figures.ts'

/** All rounds of one workload and contender. */
export interface Series {
  work: string
  contender: string
  rounds: Figures[]
}

/** Everything that a run measured. */
export class Samples {
  readonly series: Series[]

  constructor(series: Series[] = []) {
    this.series = series
  }

  add(work: string, contender: string, figures: Figures): void {
    const known = this.#find(work, contender)
    if (known) known.rounds.push(figures)
    else this.series.push({ work, contender, rounds: [figures] })
  }

  /** The median of the rounds; undefined if it was not measured. */
  figure(work: string, contender: string, figure: keyof Figures): number | undefined {
    const values = this.#find(work, contender)?.rounds.flatMap((round) => round[figure] ?? [])
    return values?.length ? median(values) : undefined
  }

  /** The lowest and the highest of the rounds; undefined if there are not two. */
  range(work: string, contender: string, figure: keyof Figures): [least: number, most: number] | undefined {
    const values = this.#find(work, contender)?.rounds.flatMap((round) => round[figure] ?? []) ?? []
    return values.length > 1 ? [Math.min(...values), Math.max(...values)] : undefined
  }

  has(work: string, contender: string): boolean {
    return this.#find(work, contender) !== undefined
  }

  #find(work: string, contender: string): Series | undefined {
    return this.series.find((one) => one.work === work && one.contender === contender)
  }
}
