import type { BlobStoreError } from '../../src/index.ts'
import { Violation } from '../model/simulation/audit.ts'
import { Bench } from './bench.ts'
import type { Level } from './levels.ts'
import { type Listener, live } from './life.ts'
import { type FaultName, faultNames, Trap } from './trap.ts'

/** One fault at one call. */
export interface Cell {
  level: Level
  at: number
  call: string
  fault: FaultName
}

/** Every call of a life × every fault that it can meet: found by counting, so that no call is forgotten. */
export async function cellsOf(level: Level): Promise<Cell[]> {
  const trap = new Trap()
  await attempt(level, trap, { onStep() {}, onDone() {}, onError() {} })
  return trap.calls.flatMap((call, index) =>
    faultNames.filter((fault) => canMeet(call, fault)).map((fault) => ({ level, at: index + 1, call, fault })),
  )
}

/** @throws when the store does not go on as if nothing had been, says something wrong, or loses or leaves something */
export async function tryCell(cell: Cell): Promise<void> {
  const { at, call, fault } = cell
  const trap = new Trap(at, fault)
  let during = ''
  let begunAt = 0
  const listener: Listener = {
    onStep: (step) => {
      during = step
      begunAt = trap.calls.length
    },
    onDone: (step) => {
      const wasFaulty = begunAt < at && at <= trap.calls.length
      if (wasFaulty && call === 'fsync' && step.startsWith('upload')) {
        throw new Violation('it was acknowledged, and is not on stable storage')
      }
    },
    onError: (error) => assertRightError(cell, error),
  }
  try {
    await attempt(cell.level, trap, listener)
    if (trap.calls[at - 1] !== call) throw new Violation(`the call was ${trap.calls[at - 1]} this time`)
  } catch (error) {
    throw new Error(`${fault} at call ${at} (${call}), during "${during}": ${error}`, { cause: error })
  }
}

async function attempt(level: Level, trap: Trap, listener: Listener): Promise<void> {
  const bench = await Bench.make(level, trap)
  try {
    await live(bench, listener)
    listener.onStep('the end')
    await bench.audit()
  } finally {
    await bench.remove()
  }
}

const writing = new Set(['put', 'write', 'writev'])

function canMeet(call: string, fault: FaultName): boolean {
  return fault !== 'short write' || writing.has(call)
}

function assertRightError({ call, fault }: Cell, { code, transient, message }: BlobStoreError): void {
  if (call.startsWith('begin') && fault === 'timeout before') throw new Violation('who came too late did not try again')
  const isRight = {
    full: code === 'StorageFull',
    late: transient,
    other: code === 'StorageFailed' || code === 'MetadataFailed',
  }
  const kind = fault === 'ENOSPC' || fault === 'short write' ? 'full' : fault.startsWith('timeout') ? 'late' : 'other'
  if (!isRight[kind]) throw new Violation(`${fault} at ${call} is told as ${code}: ${message}`)
}

/** Every n-th of them: with an n that no number of faults divides, each call and each fault has its turn. */
export const everyNth = (cells: readonly Cell[], n: number): Cell[] => cells.filter((_cell, index) => index % n === 0)
