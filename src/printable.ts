/**
 * Makes text from outside safe for our messages: at most `most` characters, without line breaks, hidden characters, or
 * changes of the reading direction.
 */
export function printable(text: string, most: number): string {
  const capped = text.length <= most ? text : `${text.slice(0, most)}…`
  return capped.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
}
