import { type Goal, goals, holds } from '../goals.ts'
import type { Samples } from '../measure/samples.ts'

export interface GoalLine {
  goal: Goal
  wanted: string
  figure: string
  verdict: 'holds' | 'does not hold' | 'not measured'
}

export function goalLines(samples: Samples): GoalLine[] {
  return goals.map((goal) => {
    const value = goal.of(samples)
    const held = holds(goal, value)
    return {
      goal,
      wanted: `${goal.least === undefined ? `≤ ${goal.most}` : `≥ ${goal.least}`} ${goal.unit}`,
      figure: value === undefined ? '–' : value.toFixed(Math.abs(value) < 100 ? 2 : 0),
      verdict: held === undefined ? 'not measured' : held ? 'holds' : 'does not hold',
    }
  })
}
