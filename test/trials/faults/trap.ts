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
class Dead extends Error {
  override readonly name = 'Dead'
}

/** Where a fault comes: at the n-th call of a life, or of those after the fault before it. */
export interface Ambush {
  at: number
  /** Counts the calls of this name only. @default all */
  call?: string
  fault: FaultName
}

/** Lies in wait at some calls of a life, one after another; without an ambush it only counts. */
export class Trap {
  /** The calls so far, by name. */
  readonly calls: string[] = []
  /** The faults that came, and at which calls. */
  readonly sprung: { call: string; fault: FaultName }[] = []
  dead = false
  #open = true
  #since = 0
  readonly #ambushes: Ambush[]

  constructor(...ambushes: readonly Ambush[]) {
    this.#ambushes = [...ambushes]
  }

  /** The trap of the process after this one, which was killed: for what did not come yet. */
  heir(): Trap {
    const heir = new Trap(...this.#ambushes)
    return Object.assign(heir, { calls: this.calls, sprung: this.sprung })
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

const writing = new Set(['put', 'write', 'writev'])

export function canMeet(call: string, fault: FaultName): boolean {
  return fault !== 'short write' || writing.has(call)
}
