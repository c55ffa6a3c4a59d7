import type { BlobStoreError } from '../../../src/index.ts'
import { Violation } from '../simulate/audit.ts'
import { Bench } from './bench.ts'
import type { Level } from './levels.ts'
import { type Listener, live } from './life.ts'
import { type Ambush, canMeet, faultNames, Trap } from './trap.ts'

/** One fault at the n-th call of a name: how many calls of other names come before may depend on the time. */
export interface Cell extends Ambush {
  level: Level
  call: string
}

/** Free space is cached for a while: how often a process measures it, beyond the first time, depends on the time. */
const processes = 2

/** Every call of a life × every fault that it can meet: found by counting, so that no call is forgotten. */
export async function cellsOf(level: Level): Promise<Cell[]> {
  const trap = new Trap()
  await attempt(level, trap, 0, { onStep() {}, onDone() {}, onError() {} })
  const counts = new Map<string, number>()
  return trap.calls.flatMap((call) => {
    const at = (counts.get(call) ?? 0) + 1
    counts.set(call, at)
    if (call === 'freeSpace' && at > processes) return []
    return faultNames.filter((fault) => canMeet(call, fault)).map((fault) => ({ level, at, call, fault }))
  })
}

/**
 * Runs a life with a fault at the cell's call and, if requested, with another one so many calls after it. Resolves with
 * whether the second happened: a life may be over before.
 *
 * @throws if the store does not continue as if nothing had happened, returns something wrong, or loses or leaves
 * something
 */
export async function tryCell(cell: Cell, second?: Ambush): Promise<boolean> {
  const { at, call } = cell
  const ambushes = second ? [cell, second] : [cell]
  const trap = new Trap(...ambushes)
  let during = ''
  let harmed = 0
  const listener: Listener = {
    onStep: (step) => {
      during = step
      harmed = trap.sprung.length
    },
    onDone: (step) => {
      if (trap.sprung.slice(harmed).some(({ call }) => call === 'fsync') && step.startsWith('upload')) {
        throw new Violation('it was acknowledged, but is not on stable storage')
      }
    },
    onError: (error) => assertRightError(trap.sprung, error),
  }
  try {
    await attempt(cell.level, trap, ambushes.length, listener)
    if (trap.sprung.length === 0) throw new Violation('the fault did not happen')
    return trap.sprung.length === 2
  } catch (error) {
    const faults = trap.sprung.map(({ call, fault }) => `${fault} at ${call}`).join(', then ')
    throw new Error(`${faults || 'no fault'} (${call} ${at}), during "${during}": ${error}`, { cause: error })
  }
}

async function attempt(level: Level, trap: Trap, faults: number, listener: Listener): Promise<void> {
  const bench = await Bench.make(level, trap)
  try {
    await live(bench, faults, listener)
    listener.onStep('the end')
    await bench.audit()
  } finally {
    await bench.remove()
  }
}

/** With two faults either may be the one that is reported. */
function assertRightError(sprung: Trap['sprung'], error: BlobStoreError): void {
  const problems = sprung.map((one) => wrongIn(one, error))
  if (problems.every((problem) => problem !== null)) throw new Violation(`${problems.join('; ')}: ${error.message}`)
}

function wrongIn({ call, fault }: Trap['sprung'][number], { code, transient }: BlobStoreError): string | null {
  if (call.startsWith('begin') && fault === 'timeout before') return 'who came too late did not try again'
  const isRight = {
    full: code === 'StorageFull',
    late: transient,
    other: code === 'StorageFailed' || code === 'MetadataFailed',
  }
  const kind = fault === 'ENOSPC' || fault === 'short write' ? 'full' : fault.startsWith('timeout') ? 'late' : 'other'
  return isRight[kind] ? null : `${fault} at ${call} is reported as ${code}`
}

/** Every n-th of them: with an n that divides no number of faults, each call and each fault has its turn. */
export const everyNth = (cells: readonly Cell[], n: number): Cell[] => cells.filter((_cell, index) => index % n === 0)
