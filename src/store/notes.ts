import { invalidArgument } from '../options.ts'

/** A text that the store keeps and does nothing with: null for none. @throws `InvalidArgument` */
export function noteOf(what: string, option: string, text: string | undefined, most: number): string | null {
  if (text === undefined) return null
  if (typeof text === 'string' && text.length <= most && !text.includes('\0')) return text
  throw invalidArgument(what, `${option} is a text of ${most} characters at most, none of them NUL`)
}
