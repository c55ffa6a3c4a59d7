import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobStoreTimes } from '../../../src/store/limits.ts'
import { Books } from '../crash/books.ts'
import { check, type Finding } from '../crash/check.ts'
import type { ChildOptions } from '../crash/child.ts'
import { Crew } from '../crash/crew.ts'
import { Place } from '../crash/place.ts'
import { settle } from '../crash/settle.ts'
import { Samples } from './growth.ts'

const times: BlobStoreTimes = {
  ...{ grace: 2000, deleteDelay: 2000, fresh: 5000 },
  ...{ upload: 30_000, idle: 10_000, inspect: 1000, lease: 60_000 },
}
const lasting = { lasting: true, times: { ...times, grace: 60_000 } }
const fleeting = { lasting: false, times }
const crew = [
  { name: 'writer0', role: 'writer', rest: 20, ...fleeting },
  { name: 'writer1', role: 'writer', rest: 20, ...lasting },
  { name: 'writer2', role: 'writer', rest: 20, ...fleeting },
  { name: 'reader', role: 'reader', rest: 20, ...fleeting },
  { name: 'collector', role: 'collector', rest: 100, ...fleeting },
] as const

export interface SoakOptions {
  minutes: number
  seed: string
  /** Whether the reader leaks: then the soak must fail. */
  leak: boolean
}

/**
 * Three writers, a reader and a collector on one store, for as long as wanted. Nothing is killed: the soak is for what
 * goes wrong with time. Now and then all pause, and what was acknowledged is compared with what is there.
 *
 * Fails when a read, upload or collection of src/ keeps memory or a descriptor (`--break leak` does, in the reader),
 * and when collecting deletes what is referenced.
 */
export class Soak {
  /** By process. */
  readonly samples: ReadonlyMap<string, Samples> = new Map(crew.map(({ name }) => [name, new Samples()]))
  readonly findings = new Map<string, Finding>()
  readonly books: Books
  readonly #place = Place.temporary('pds-blobstore-soak-')
  readonly #crew: Crew
  readonly #milliseconds: number
  #stopped = false

  constructor({ minutes, seed, leak }: SoakOptions) {
    this.#milliseconds = minutes * 60_000
    this.books = new Books(this.#place, crew)
    const all = crew.map((member): ChildOptions => {
      const options: ChildOptions = { ...member, address: this.#place.address, seed, broken: null }
      return leak && member.role === 'reader' ? { ...options, leak: this.#milliseconds } : options
    })
    this.#crew = new Crew(this.#place, all, (what) => this.#found([{ kind: 'wrong', what }]))
  }

  /** Reports after each minute, or each fifth of a shorter time. */
  async run(report: () => void): Promise<void> {
    try {
      await this.#place.clear()
      this.#crew.fill()
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
      await this.#crew.killAll()
      if (this.findings.size === 0) this.#found(await settle(this.#place))
    } finally {
      await this.#crew.killAll()
      this.#place.remove()
    }
    if (this.#stopped) return
    for (const [name, samples] of this.samples) {
      this.#found(samples.growth().grew.map((what) => ({ kind: 'wrong', what: `${name}: ${what}` })))
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async #go(): Promise<void> {
    await Promise.all(this.#crew.members.map((member) => this.#crew.go(member)))
  }

  /** At least fifty samples in all. */
  async #watch(until: number): Promise<void> {
    while (performance.now() < until && !this.#stopped) {
      await sleep(Math.min(until - performance.now(), this.#milliseconds / 50, 5000))
      const taken = this.#crew.members.map(async (member) => {
        const vitals = await member.vitals()
        if (vitals) this.samples.get(member.name)?.add(vitals)
      })
      await Promise.all(taken)
    }
  }

  async #check(): Promise<void> {
    await this.#crew.rest()
    for (const { name } of await this.#crew.dead()) this.#found([{ kind: 'wrong', what: `${name} is dead` }])
    this.books.read()
    this.books.empty()
    this.#found(await check(this.#place, this.books.ledgers))
  }

  #found(findings: readonly Finding[]): void {
    for (const finding of findings) this.findings.set(finding.what, finding)
  }
}
