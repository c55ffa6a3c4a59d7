/** What can go wrong with a call. */
export const faultNames = [
  'ENOSPC',
  'EIO',
  'EMFILE',
  'EROFS',
  'short write',
  'timeout before',
  'timeout after',
  'kill',
] as const
export type FaultName = (typeof faultNames)[number]

/** What a process that was killed gets to know: nothing. */
export class Dead extends Error {
  override readonly name = 'Dead'
}

/** Lies in wait at the n-th call of a life; without a fault it only counts. */
export class Trap {
  /** The calls so far, by name. */
  readonly calls: string[] = []
  dead = false
  #open = true
  readonly #at: number
  readonly #fault: FaultName | undefined

  constructor(at = 0, fault?: FaultName) {
    this.#at = at
    this.#fault = fault
  }

  /** From now on it neither counts nor harms. */
  close(): void {
    this.#open = false
  }

  /** @throws `Dead` */
  assertAlive(): void {
    if (this.dead) throw new Dead()
  }

  /** What is to go wrong with this call, if anything. @throws `Dead` from a kill on */
  step(name: string): Exclude<FaultName, 'kill'> | undefined {
    this.assertAlive()
    if (!this.#open) return undefined
    this.calls.push(name)
    if (this.calls.length !== this.#at) return undefined
    if (this.#fault !== 'kill') return this.#fault
    this.dead = true
    throw new Dead()
  }

  /** Makes a call, and lets go wrong what is to: `half` is the call with half its bytes. */
  async call<T>(
    name: string,
    run: () => Promise<T>,
    { errorOf, half }: { errorOf: (errno: string) => Error; half?: (() => Promise<unknown>) | undefined },
  ): Promise<T> {
    const fault = this.step(name)
    if (fault === undefined) return run()
    if (fault === 'timeout after') await run()
    if (fault === 'short write') await half?.()
    throw errorOf(errnos[fault] ?? fault)
  }
}

const errnos: Partial<Record<FaultName, string>> = {
  'short write': 'ENOSPC',
  'timeout before': 'ETIMEDOUT',
  'timeout after': 'ETIMEDOUT',
}
