import { flushCompileCache } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobStore } from '../../../src/index.ts'
import type { BlobStoreTimes } from '../../../src/store/limits.ts'
import { meddleMetadata } from '../../support/meddling.ts'
import { Random } from '../../support/random.ts'
import { Abandoned } from './abandoned.ts'
import { type BrokenRule, breakRule } from './broken-rules.ts'
import { Collector } from './collector.ts'
import { Journal, JournalReader } from './journal.ts'
import { Lane } from './lane.ts'
import { Leak } from './leak.ts'
import { Ledger } from './ledger.ts'
import { type Address, Place } from './place.ts'
import { Reader } from './reader.ts'
import type { Plan, Step } from './steps.ts'
import { Trap } from './trap.ts'
import { type Vitals, vitalsOf } from './vitals.ts'
import { witness } from './witness.ts'

// One process of the trial: it is told when to work and when to pause, and where to kill itself.

export type Role = 'writer' | 'collector' | 'reader'

export interface ChildOptions {
  role: Role
  name: string
  address: Address
  seed: string
  times: BlobStoreTimes
  /** Whether uploads of this process live long. */
  lasting: boolean
  broken: BrokenRule | null
  /** Over how many milliseconds to leak memory and descriptors, on purpose. @default never */
  leak?: number
  /** The longest pause between two operations, in milliseconds. */
  rest: number
}

export type Order = { go: Plan | null } | { pause: true } | { vitals: true }
export type Reply = 'loaded' | 'paused' | Vitals

/** A worker that does one operation after another. */
export interface Worker {
  turn(step: Step | undefined): Promise<void>
}

const options = JSON.parse(process.argv[2] ?? '') as ChildOptions
const { role, name, address, times, lasting, broken } = options
const place = Place.at(address)
let trap: Trap
let workers: Worker[] | undefined
let [working, step]: [Promise<unknown>, Step | undefined] = [Promise.resolve(), undefined]
let paused = true

process.on('message', (order: Order) => {
  if ('go' in order) go(order.go)
  else if ('vitals' in order) tell(vitalsOf(process))
  else {
    paused = true
    working.then(() => tell('paused'))
  }
})
process.on('disconnect', () => process.exit())
// Control-C reaches the whole group: the parent decides when to end.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
flushCompileCache() // a killed process does not do it at its end
tell('loaded')

function tell(reply: Reply): void {
  process.send?.(reply)
}

function go(plan: Plan | null): void {
  if (!paused) return
  workers ??= hire()
  trap.arm(plan)
  step = plan?.step
  paused = false
  working = Promise.all(workers.map(work))
}

async function work(worker: Worker): Promise<void> {
  while (!paused) {
    await worker.turn(step)
    await sleep(options.rest * Math.random())
  }
}

/** Continues where the journal of the previous process ends. */
function hire(): Worker[] {
  const file = place.journal(name)
  const ledger = new Ledger(times.grace ?? 0).read(new JournalReader(file).read())
  ledger.bury()
  const earlyAck = broken === 'early-ack'
  const journal = new Journal(file, { earlyAck, ops: ledger.ops, onLine: (line) => void ledger.read([line]) })
  trap = new Trap(journal)
  const inSmallSteps = meddleMetadata(place.metadata(), (inner) => ({
    // In as many transactions as there are references, since there are few.
    dropSomeOfSpace: (did, space, some) => inner.dropSomeOfSpace(did, space, { ...some, limit: 1 }),
  }))
  const metadata = witness(place, trap.metadata(inSmallSteps), journal)
  const rules = breakRule(broken, place, trap.backend(place.backend()), metadata)
  const blobs: BlobStore = place.store(times, rules.backend, rules.metadata)
  const random = new Random(`${options.seed} ${name} ${ledger.ops}`)
  if (role === 'collector') return [new Collector(blobs, journal, new Abandoned(place), random)]
  if (role === 'reader') return [new Reader(blobs, journal, random), ...(options.leak ? [new Leak(options.leak)] : [])]
  const shared = lasting ? 'did:plc:lasting' : 'did:plc:hasty'
  return ['a', 'b'].map(
    (lane) =>
      new Lane({
        ...{ name: `${name}${lane}`, own: `did:plc:${name}${lane}`, shared },
        ...{ blobs, journal, ledger, random, lasting },
      }),
  )
}
