import { setTimeout as sleep } from 'node:timers/promises'
import type { Times } from '../../src/store/limits.ts'
import { check, type Finding } from '../crash/kill/check.ts'
import type { ChildOptions } from '../crash/kill/child.ts'
import { JournalReader } from '../crash/kill/journal.ts'
import { Ledger } from '../crash/kill/ledger.ts'
import { Member } from '../crash/kill/member.ts'
import { Place } from '../crash/kill/place.ts'
import { settle } from '../crash/kill/settle.ts'
import { Samples } from './growth.ts'

const times: Times = {
  ...{ grace: 2000, deleteDelay: 2000, fresh: 5000 },
  ...{ upload: 30_000, idle: 10_000, inspect: 1000, lease: 60_000 },
}
const lastingGrace = 60_000

const crew: readonly Pick<ChildOptions, 'name' | 'role' | 'lasting' | 'rest'>[] = [
  { name: 'writer0', role: 'writer', lasting: false, rest: 20 },
  { name: 'writer1', role: 'writer', lasting: true, rest: 20 },
  { name: 'writer2', role: 'writer', lasting: false, rest: 20 },
  { name: 'reader', role: 'reader', lasting: false, rest: 20 },
  { name: 'collector', role: 'collector', lasting: false, rest: 100 },
]

/** A process of the soak, and what is known of it. */
export interface Hand {
  member: Member
  ledger: Ledger
  reader: JournalReader
  samples: Samples
}

export interface SoakOptions {
  minutes: number
  seed: string
  /** Whether the reader shall leak: then the soak must fail. */
  leak: boolean
}

/**
 * Three writers, a reader and a collector on one store, for as long as wanted. Nobody is killed: what is looked for is
 * what goes wrong with time. Now and then all rest, and what was promised is compared with what is there.
 *
 * Fails when a read, upload or collection of src/ keeps memory or a descriptor (`--break leak` does, in the reader), and
 * when collecting takes what is referenced.
 */
export class Soak {
  readonly hands: readonly Hand[]
  readonly findings = new Map<string, Finding>()
  readonly #place = Place.temporary('pds-blobstore-soak-')
  readonly #milliseconds: number
  #stopped = false

  constructor({ minutes, seed, leak }: SoakOptions) {
    this.#milliseconds = minutes * 60_000
    this.#place.clear()
    const place = this.#place
    this.hands = crew.map(({ name, role, lasting, rest }) => {
      const own = lasting ? { ...times, grace: lastingGrace } : times
      const options = { name, role, lasting, rest, folder: place.folder, seed, times: own, broken: null }
      return {
        member: new Member(leak && role === 'reader' ? { ...options, leak: this.#milliseconds } : options, place),
        ledger: new Ledger(own.grace ?? 0),
        reader: new JournalReader(place.journal(name)),
        samples: new Samples(),
      }
    })
  }

  /** Reports after each minute, or each fifth of a shorter time. */
  async run(report: () => void): Promise<void> {
    try {
      await this.#go()
      const end = performance.now() + this.#milliseconds
      while (true) {
        const next = performance.now() + Math.min(60_000, this.#milliseconds / 5)
        await this.#watch(end - next < 1000 ? end : next)
        await this.#check()
        report()
        if (performance.now() >= end || this.#stopped || this.findings.size > 0) break
        await this.#go()
      }
      await Promise.all(this.hands.map(({ member }) => member.kill()))
      if (this.findings.size === 0) this.#found(await settle(this.#place))
    } finally {
      await Promise.all(this.hands.map(({ member }) => member.kill()))
      this.#place.remove()
    }
    for (const { member, samples } of this.hands) {
      const grew = samples.growth().grew.map((what) => ({ kind: 'wrong' as const, what: `${member.name}: ${what}` }))
      if (!this.#stopped) this.#found(grew)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async #go(): Promise<void> {
    await Promise.all(this.hands.map(({ member }) => member.go(null)))
  }

  /** Fifty samples at least, until then. */
  async #watch(until: number): Promise<void> {
    while (performance.now() < until && !this.#stopped) {
      await sleep(Math.min(until - performance.now(), this.#milliseconds / 50, 5000))
      const all = await Promise.all(this.hands.map(({ member }) => member.vitals()))
      for (const [at, vitals] of all.entries()) if (vitals) this.hands[at]?.samples.add(vitals)
    }
  }

  async #check(): Promise<void> {
    const resting = await Promise.all(this.hands.map(({ member }) => member.pause(60_000)))
    for (const [at, { member, ledger, reader }] of this.hands.entries()) {
      ledger.read(reader.read())
      reader.empty()
      if (!resting[at]) this.#found([{ kind: 'wrong', what: `${member.name} does not come to rest` }])
      if (!member.dead) continue
      const { stderr } = await member.died
      this.#found([{ kind: 'wrong', what: `${member.name} ended by itself: ${stderr.slice(-2000)}` }])
    }
    const ledgers = this.hands.map(({ ledger }) => ledger)
    this.#found(await check(this.#place, ledgers))
  }

  #found(findings: readonly Finding[]): void {
    for (const finding of findings) this.findings.set(finding.what, finding)
  }
}
