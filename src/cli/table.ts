import type { Writable } from 'node:stream'
import { styleText } from 'node:util'
import { countText } from './amounts.ts'

export type Row = readonly [label: string, value: string | number | undefined]

/**
 * Labels and values in two columns; rows without a value are left out. On a terminal it fits the width: sentences
 * continue on the next line, and a word that is too long loses its middle. Elsewhere nothing is cut, wrapped or
 * coloured.
 */
export function tableOf(rows: readonly Row[], stream: Output): string {
  const shown = rows.flatMap(([label, value]) => (value === undefined ? [] : [[label, textOf(value)] as const]))
  const width = widthOf(stream)
  const longest = (at: 0 | 1) => Math.max(0, ...shown.map((row) => row[at].length))
  // Labels have half of the width, or what the values leave.
  const labelWidth = Math.min(longest(0), Math.max(Math.floor(width / 2), width - gap.length - longest(1)))
  const lines = shown.flatMap(([label, value]) =>
    wrapped(value, width - labelWidth - gap.length).map((line, at) => {
      const head = (at === 0 ? shortened(label, labelWidth) : '').padEnd(labelWidth)
      return `${styleText('dim', head, { stream, validateStream: true })}${gap}${line}\n`
    }),
  )
  return lines.join('')
}

const gap = '  '

const textOf = (value: string | number): string => (typeof value === 'number' ? countText(value) : value)

/** Lines of at most this width, broken at spaces. */
function wrapped(text: string, width: number): string[] {
  if (text.length <= width) return [text]
  const lines: string[] = []
  for (const word of text.split(' ').map((one) => shortened(one, width))) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** Removes the middle of a text that is too long: the ends of CIDs, DIDs and paths matter most. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text
  const kept = Math.max(0, width - 1)
  return `${text.slice(0, Math.ceil(kept / 2))}…${text.slice(text.length - Math.floor(kept / 2))}`
}

/** Where a command prints: stdout or stderr, a terminal or not. */
export interface Output extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Columns of a terminal; elsewhere lines have no limit. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY ? columns || 80 : Number.POSITIVE_INFINITY
}
