/**
 * Somebody else's text, as it may stand in a message of ours: at most `most` characters, none that ends a line, hides,
 * or turns the reading direction around in somebody's log.
 */
export function printable(text: string, most: number): string {
  const capped = text.length <= most ? text : `${text.slice(0, most)}…`
  return capped.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?')
}
