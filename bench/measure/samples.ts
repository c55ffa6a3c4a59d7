import { type Figures, median } from './figures.ts'

/** Of one work and contestant, all rounds. */
export interface Series {
  work: string
  contestant: string
  rounds: Figures[]
}

/** Everything that a run measured. */
export class Samples {
  readonly series: Series[]

  constructor(series: Series[] = []) {
    this.series = series
  }

  add(work: string, contestant: string, figures: Figures): void {
    const known = this.#find(work, contestant)
    if (known) known.rounds.push(figures)
    else this.series.push({ work, contestant, rounds: [figures] })
  }

  /** The median of the rounds; undefined where it was not measured. */
  figure(work: string, contestant: string, figure: keyof Figures): number | undefined {
    const values = this.#find(work, contestant)?.rounds.flatMap((round) => round[figure] ?? [])
    return values?.length ? median(values) : undefined
  }

  has(work: string, contestant: string): boolean {
    return this.#find(work, contestant) !== undefined
  }

  #find(work: string, contestant: string): Series | undefined {
    return this.series.find((one) => one.work === work && one.contestant === contestant)
  }
}
