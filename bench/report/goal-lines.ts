import { goalRows } from '../goals/all.ts'
import { holds } from '../goals/goal.ts'
import type { Samples } from '../measure/samples.ts'

/** A goal in words. */
export interface GoalLine {
  row: string
  what: string
  wanted: string
  figure: string
  /** The best that this machine allows; empty if unknown. */
  bound: string
  verdict: 'holds' | 'does not hold' | 'not measured'
}

export function goalLines(samples: Samples): GoalLine[] {
  return goalRows.flatMap(({ title, goals }) =>
    goals.map((goal) => {
      const figure = goal.figure(samples)
      const bound = goal.bound?.(samples)
      const held = holds(goal, samples)
      return {
        row: title,
        what: goal.what,
        wanted: `${goal.least === undefined ? `≤ ${goal.most}` : `≥ ${goal.least}`} ${goal.unit}`,
        figure: figure === undefined ? '–' : show(figure),
        bound: bound === undefined ? '' : show(bound),
        verdict: held === undefined ? 'not measured' : held ? 'holds' : 'does not hold',
      }
    }),
  )
}

function show(figure: number): string {
  return figure.toFixed(Math.abs(figure) < 100 ? 2 : 0)
}
