import type { TraceResult } from './channels.ts'

/** The numbers of a report, and of lists how long they are: a trace is not the place for their members. */
export function numbersOf(report: object): TraceResult {
  const numbers: Record<string, number | boolean> = {}
  for (const [name, value] of Object.entries(report)) {
    if (typeof value === 'number' || typeof value === 'boolean') numbers[name] = value
    else if (Array.isArray(value)) numbers[name] = value.length
  }
  return numbers
}

/** What a caller gave, as text; nothing where that is not possible, for then the operation has its say. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return undefined
  try {
    return String(value)
  } catch {
    return undefined
  }
}
