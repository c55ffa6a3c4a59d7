import type { BlobBackend, Spool } from '../backend/backend.ts'
import type { BlobStoreError } from '../errors.ts'
import { assertOptions, assertWhole, invalidArgument } from '../options.ts'

/**
 * What counts as a call: the backend's own methods, a spool's `write`, `readBack` and `discard`, and `read`, a chunk of a
 * body.
 */
export type FaultyMethod =
  | Exclude<keyof BlobBackend, 'name' | 'location' | 'durable' | 'presign' | 'freeBytes' | 'close'>
  | keyof Spool
  | 'read'

/**
 * | kind | what happens |
 * |---|---|
 * | `fail` | the call rejects before it has an effect |
 * | `lose` | it has its effect and then rejects: the response was lost |
 * | `late` | it rejects, and has its effect `delay` milliseconds later |
 * | `delay` | it runs `delay` milliseconds later; an abort ends the waiting |
 * | `truncate` | a body ends here, as if there were no more bytes (only `read`) |
 * | `corrupt` | a bit of the chunk is wrong (only `read`) |
 */
export type FaultKind = 'fail' | 'lose' | 'late' | 'delay' | 'truncate' | 'corrupt'

/** A planned fault: `at` one call, or by `chance`. */
export interface Fault {
  kind: FaultKind
  /** Only calls of this method. @default calls of every method */
  on?: FaultyMethod | undefined
  /** At the n-th of these calls, from 1. */
  at?: number | undefined
  /** At each of these calls with this probability, from 0 to 1. */
  chance?: number | undefined
  /** What the call rejects with. @default `StorageFailed`, transient */
  error?: BlobStoreError | undefined
  /** In milliseconds. @default 0 */
  delay?: number | undefined
}

export interface FaultPlan {
  /** For each call, the first fault that applies happens. */
  faults: readonly Fault[]
  /** Seeds the random numbers: the same calls in the same order fail in the same way. @default 1 */
  seed?: number | undefined
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const kinds: readonly FaultKind[] = ['fail', 'lose', 'late', 'delay', 'truncate', 'corrupt']

const methods = Object.keys({
  open: true,
  spool: true,
  write: true,
  readBack: true,
  discard: true,
  put: true,
  get: true,
  read: true,
  has: true,
  delete: true,
  list: true,
  sweepSpools: true,
  readMarker: true,
  claimMarker: true,
  writeMarker: true,
} satisfies Record<FaultyMethod, true>)

/** Faults that only a body can have. */
export const onlyRead = (kind: FaultKind): boolean => kind === 'truncate' || kind === 'corrupt'

/** @throws `InvalidArgument` */
export function checkedFaults(plan: FaultPlan): readonly Fault[] {
  assertOptions('faultyBackend: plan', plan, ['faults', 'seed'])
  if (!Array.isArray(plan.faults)) throw invalidArgument('faultyBackend', 'plan.faults must be an array')
  for (const fault of plan.faults) {
    assertOptions('faultyBackend: fault', fault, ['kind', 'on', 'at', 'chance', 'error', 'delay'])
    const { kind, on, at, chance, delay = 0 } = fault
    if (!kinds.includes(kind)) throw invalidArgument('faultyBackend', `kind must be one of ${kinds.join(', ')}`)
    if (on !== undefined && !methods.includes(on))
      throw invalidArgument('faultyBackend', `on must be one of ${methods.join(', ')}`)
    if (onlyRead(kind) && on !== undefined && on !== 'read')
      throw invalidArgument('faultyBackend', `${kind} applies to a body that is read: give on: 'read'`)
    if ((at === undefined) === (chance === undefined))
      throw invalidArgument('faultyBackend', 'give either `at` or `chance`')
    if (at !== undefined) assertWhole('faultyBackend: at', at, 1)
    if (chance !== undefined && !(chance >= 0 && chance <= 1))
      throw invalidArgument('faultyBackend', '`chance` is a number from 0 to 1')
    assertWhole('faultyBackend: delay', delay, 0)
  }
  return plan.faults
}
