/** How many rows one statement carries: well below the drivers' limits of 32,766 and 65,535 values. */
export const chunkSize = 1000

/** A list in pieces that a statement can carry. */
export function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = []
  for (let at = 0; at < items.length; at += chunkSize) result.push(items.slice(at, at + chunkSize))
  return result
}
