/**
 * The deletion times that a process was given, in milliseconds. A process with shorter times must not delete what
 * another one relies on.
 */
export interface SharedTimes {
  readonly grace?: number
  readonly deleteDelay?: number
  readonly takedownHold?: number
  readonly upload?: number
  readonly lease?: number
  /** How long the mirror keeps what nothing needs. */
  readonly mirrorDelay?: number
}

const names = [
  'grace',
  'deleteDelay',
  'takedownHold',
  'upload',
  'lease',
  'mirrorDelay',
] as const satisfies readonly (keyof SharedTimes)[]

/** The longest value of each shared time. Other entries are ignored. */
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
