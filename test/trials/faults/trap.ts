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

/** The result for a process that was killed: none. */
class Dead extends Error {
  override readonly name = 'Dead'
}

/** Where a fault happens: at the n-th call of a life, or of those after the fault before it. */
export interface Ambush {
  at: number
  /** Counts the calls of this name only. @default all */
  call?: string
  fault: FaultName
}

/** Causes faults at some calls of a life, one after another; without an ambush it only counts. */
export class Trap {
  /** The calls so far, by name. */
  readonly calls: string[] = []
  /** The faults that happened, and at which calls. */
  readonly sprung: { call: string; fault: FaultName }[] = []
  dead = false
  #open = true
  #since = 0
  readonly #ambushes: Ambush[]

  constructor(...ambushes: readonly Ambush[]) {
    this.#ambushes = [...ambushes]
  }

  /** The trap for the process after this one, which was killed: with the faults that have not happened yet. */
  heir(): Trap {
    const heir = new Trap(...this.#ambushes)
    return Object.assign(heir, { calls: this.calls, sprung: this.sprung })
  }

  /** From now on it neither counts nor causes faults. */
  close(): void {
    this.#open = false
  }

  /** @throws `Dead` */
  assertAlive(): void {
    if (this.dead) throw new Dead()
  }

  /** The fault for this call, if any. @throws `Dead` after a kill */
  step(name: string): Exclude<FaultName, 'kill'> | undefined {
    this.assertAlive()
    if (!this.#open) return undefined
    this.calls.push(name)
    const [ambush] = this.#ambushes
    if ((ambush?.call ?? name) === name) this.#since += 1
    else return undefined
    if (ambush === undefined || this.#since < ambush.at || !canMeet(name, ambush.fault)) return undefined
    this.#ambushes.shift()
    this.#since = 0
    this.sprung.push({ call: name, fault: ambush.fault })
    if (ambush.fault !== 'kill') return ambush.fault
    this.dead = true
    throw new Dead()
  }

  /** Runs a call, with its fault: `half` is the call with half its bytes. */
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

const writing = new Set(['put', 'write', 'writev'])

export function canMeet(call: string, fault: FaultName): boolean {
  return fault !== 'short write' || writing.has(call)
}
