import type { Figures } from '../measure/figures.ts'
import type { Samples } from '../measure/samples.ts'

/** Where figures come from. */
export type Figured = Pick<Samples, 'figure'>

/** A condition on the medians of one run. */
export interface Goal {
  what: string
  /** Undefined if it was not measured. */
  figure: (samples: Figured) => number | undefined
  least?: number
  most?: number
  /** The best that this machine would allow, from what a part of the work alone takes here. @default unknown */
  bound?: (samples: Figured) => number | undefined
  unit: '×' | 'MiB' | 'KiB' | 'bytes' | 'ms' | 'requests'
}

/** Goals that belong together. */
export interface GoalRow {
  title: string
  goals: readonly Goal[]
}

/** Undefined if it was not measured. */
export function holds(goal: Goal, samples: Figured): boolean | undefined {
  const { least = 0, most = Number.POSITIVE_INFINITY } = goal
  const figure = goal.figure(samples)
  return figure === undefined ? undefined : figure >= least && figure <= most
}

/** The figures of one contender in one workload. */
export type Series = readonly [work: string, contender: string]

export function value(figure: keyof Figures, series: Series, unit = 1): Goal['figure'] {
  return (samples) => {
    const found = samples.figure(...series, figure)
    return found === undefined ? undefined : found / unit
  }
}

export function ratio(figure: keyof Figures, of: Series, to: Series): Goal['figure'] {
  return (samples) => {
    const [one, other] = [samples.figure(...of, figure), samples.figure(...to, figure)]
    return one === undefined || other === undefined ? undefined : one / other
  }
}

/** All series that decide these goals, or bound them, as `work/contender`. */
export function seriesOf(rows: readonly GoalRow[]): Set<string> {
  const asked = new Set<string>()
  const listener: Figured = {
    figure(work, contender) {
      asked.add(`${work}/${contender}`)
      return undefined
    },
  }
  for (const goal of rows.flatMap((row) => row.goals)) {
    goal.figure(listener)
    goal.bound?.(listener)
  }
  return asked
}
