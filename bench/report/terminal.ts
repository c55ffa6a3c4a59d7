import { styleText } from 'node:util'
import type { Samples } from '../measure/samples.ts'
import { goalLines } from './goal-lines.ts'
import { workTables } from './tables.ts'

export function printWorks(samples: Samples): string {
  const tables = workTables(samples)
  return tables.map(({ title, rows }) => `${styleText('bold', title)}\n${align(rows).join('\n')}`).join('\n\n')
}

export function printGoals(samples: Samples): string {
  const lines = goalLines(samples).filter(({ verdict }) => verdict !== 'not measured')
  const cells = align(
    lines.map(({ what, wanted, figure, bound, verdict }) => [
      `  ${what}`,
      wanted,
      figure,
      bound && `(bound ${bound})`,
      verdict,
    ]),
  )
  return lines
    .map(({ row, verdict }, index) => {
      const heading = row === lines[index - 1]?.row ? '' : `${styleText('bold', row)}\n`
      return `${heading}${styleText(verdict === 'holds' ? 'green' : 'red', cells[index] ?? '')}`
    })
    .join('\n')
}

/** Columns aligned by spaces: the first to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? []
  const pad = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}
