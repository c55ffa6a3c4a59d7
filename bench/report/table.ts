import { styleText } from 'node:util'
import { contestants } from '../contestants/all.ts'
import { type Goal, goals, holds } from '../goals.ts'
import type { Figures } from '../measure/figures.ts'
import type { Samples } from '../measure/samples.ts'
import { works } from '../works/all.ts'

/** Columns aligned by spaces: the first to the left, the others to the right. */
export function align(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? []
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}

export function titleOf(contestant: string): string {
  return contestant in contestants ? contestants[contestant as keyof typeof contestants].title : contestant
}

interface Column {
  title: string
  cell: (figures: (name: keyof Figures) => number | undefined) => string
}

const whole = (value: number | undefined) => (value === undefined ? '' : value.toFixed(0))
const fine = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 10 ? 2 : 1))
const inMiB = (value: number | undefined) => (value === undefined ? '' : (value / 1024 ** 2).toFixed(0))

export const columns: readonly Column[] = [
  { title: 'per s', cell: (of) => whole(of('rate')) },
  { title: 'MB/s', cell: (of) => whole(of('bandwidth')) },
  { title: 'CPU µs', cell: (of) => whole(of('cpu')) },
  { title: 'p50 ms', cell: (of) => fine(of('p50')) },
  { title: 'p95', cell: (of) => fine(of('p95')) },
  { title: 'p99', cell: (of) => fine(of('p99')) },
  { title: 'memory MiB', cell: (of) => inMiB(of('memory')) },
  { title: 'loop p99 ms', cell: (of) => fine(of('loopDelay')) },
]

/** One table for each work: a line for each contestant. */
export function workTables(samples: Samples): { title: string; rows: string[][] }[] {
  return works.flatMap(({ name, title, contestants }) => {
    const measured = contestants.filter((one) => samples.series.some((s) => s.work === name && s.contestant === one))
    if (measured.length === 0) return []
    const cells = measured.map((one) => columns.map(({ cell }) => cell((figure) => samples.figure(name, one, figure))))
    const used = columns.flatMap((_, index) => (cells.some((row) => row[index] !== '') ? [index] : []))
    const pick = (row: readonly string[]) => used.map((index) => row[index] ?? '')
    const head = ['', ...pick(columns.map((column) => column.title))]
    return [{ title, rows: [head, ...measured.map((one, index) => [titleOf(one), ...pick(cells[index] ?? [])])] }]
  })
}

export function goalRows(samples: Samples): { goal: Goal; wanted: string; value: string; verdict: string }[] {
  return goals.map((goal) => {
    const value = goal.of(samples)
    const bound = goal.least === undefined ? `≤ ${goal.most}` : `≥ ${goal.least}`
    const verdict = { true: 'holds', false: 'does not hold', undefined: 'not measured' }[`${holds(goal, value)}`]
    const shown = value === undefined ? '–' : value.toFixed(Math.abs(value) < 100 ? 2 : 0)
    return { goal, wanted: `${bound} ${goal.unit}`, value: shown, verdict: verdict ?? '' }
  })
}

const colours = { holds: 'green', 'does not hold': 'red', 'not measured': 'gray' } as const

export function printGoals(samples: Samples): string {
  const rows = goalRows(samples)
  const cells = [
    ['', 'goal', 'figure', ''],
    ...rows.map(({ goal, wanted, value, verdict }) => [`  ${goal.what}`, wanted, value, verdict]),
  ]
  const lines = align(cells).split('\n').slice(1)
  return rows
    .map(({ goal, verdict }, index) => {
      const heading = goal.row === rows[index - 1]?.goal.row ? '' : `${goal.row}\n`
      return `${heading}${styleText(colours[verdict as keyof typeof colours], lines[index] ?? '')}`
    })
    .join('\n')
}

export function printWorks(samples: Samples): string {
  return workTables(samples)
    .map(({ title, rows }) => `${styleText('bold', title)}\n${align(rows)}`)
    .join('\n\n')
}
