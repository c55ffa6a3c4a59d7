/** What can go wrong with a call. */
export const faults = [
  ...(['ENOSPC', 'EIO', 'EMFILE', 'EROFS', 'short write', 'timeout before', 'timeout after', 'kill'] as const),
]
export type FaultName = (typeof faults)[number]

export class Dead extends Error {
  override readonly name = 'Dead'
}

/** Lies in wait at the n-th call of a life. With 0 it only counts. */
export class Trap {
  /** The calls so far, by name. */
  readonly calls: string[] = []
  dead = false
  readonly #at: number
  readonly #fault: FaultName

  constructor(at: number, fault: FaultName) {
    this.#at = at
    this.#fault = fault
  }

  /** What is to go wrong with this call, if anything. @throws `Dead` after a kill */
  step(name: string): FaultName | undefined {
    if (this.dead) throw new Dead()
    this.calls.push(name)
    if (this.calls.length !== this.#at) return undefined
    this.dead = this.#fault === 'kill'
    if (this.dead) throw new Dead()
    return this.#fault
  }
}
