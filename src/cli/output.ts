import type { Writable } from 'node:stream'

/** What a command prints to: stdout or stderr, a terminal or not. */
export interface Output extends Writable {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Columns of a terminal; elsewhere there is no end to a line. */
export function widthOf({ isTTY, columns }: Output): number {
  return isTTY ? columns || 80 : Number.POSITIVE_INFINITY
}
