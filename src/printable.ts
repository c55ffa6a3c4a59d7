/**
 * Text of another origin, as it may stand in our messages: at most `most` characters, none that ends a line, hides,
 * or turns the reading direction around in a log.
 */
export function printable(text: string, most: number): string {
  const capped = text.length <= most ? text : `${text.slice(0, most)}…`
  return capped.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
}
