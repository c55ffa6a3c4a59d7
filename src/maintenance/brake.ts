/** So few never stop anything, whatever their share. */
const harmless = 100

/**
 * How many of `all` may be deleted before somebody ought to look: more than a tenth at once is rarely meant, and often
 * the wrong database, a clock that jumped, or a host that lost its records.
 */
export function brakeAt(all: number): number {
  return Math.max(harmless, Math.floor(all / 10))
}
