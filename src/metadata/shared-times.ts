/**
 * The times by which something is deleted, in milliseconds, of which a process was given some. One that has shorter ones
 * must not delete what another one counts on.
 */
export interface SharedTimes {
  readonly grace?: number
  readonly deleteDelay?: number
  readonly takedownHold?: number
  readonly upload?: number
  readonly lease?: number
}

const names = [
  'grace',
  'deleteDelay',
  'takedownHold',
  'upload',
  'lease',
] as const satisfies readonly (keyof SharedTimes)[]

/** Of several: the longest of each that any has; of one, what is shared of it. */
export function longest(
  all: readonly { readonly [K in keyof SharedTimes]?: SharedTimes[K] | undefined }[],
): SharedTimes {
  const most: { -readonly [K in keyof SharedTimes]: SharedTimes[K] } = {}
  for (const name of names) {
    const values = all.flatMap((times) => times[name] ?? [])
    if (values.length > 0) most[name] = Math.max(...values)
  }
  return most
}
