import { type Output, widthOf } from './table.ts'

/** Lines of at most this width, broken between words; no word is cut. The lines after a broken one are indented. */
export function wrap(text: string, width: number, indent = ''): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width, indent))
    .join('\n')
}

function wrapLine(line: string, width: number, indent: string): string {
  if (line.length <= width) return line
  const lines: string[] = []
  for (const word of line.trimEnd().split(/(?<=\S) +/)) {
    const last = lines.at(-1)
    if (last !== undefined && `${last} ${word}`.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(last === undefined ? word : indent + word)
  }
  return lines.join('\n')
}

/** A message as wide as the terminal. Elsewhere it stays on its lines. */
export const fitted = (text: string, stream: Output, indent?: string): string => wrap(text, widthOf(stream), indent)
