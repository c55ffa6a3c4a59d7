import { Random } from '../../support/random.ts'
import { Books } from './books.ts'
import { check } from './check.ts'
import type { ChildOptions } from './child.ts'
import { contentOf, small } from './contents.ts'
import { Crew } from './crew.ts'
import type { Member } from './member.ts'
import type { Options } from './options.ts'
import { hasty, Place } from './place.ts'
import { settle } from './settle.ts'
import { dropForeignKeys } from './stale-collector.ts'
import { plantStray } from './stray.ts'
import { type Report, Tally } from './tally.ts'
import { Targets } from './targets.ts'

/** After so many cycles every process is killed, and what is left is collected. */
const cyclesToSettle = 10
/** After so many a new store begins; processes are also killed while it is created. */
const cyclesOfStore = 30

/** Half of the writers keep temporary blobs for long, so that these blobs must still be there. */
const lasting = { lasting: true, times: { ...hasty, grace: 3_600_000 } }
const fleeting = { lasting: false, times: hasty }
const crew = [
  { name: 'writer0', role: 'writer', ...fleeting },
  { name: 'writer1', role: 'writer', ...lasting },
  { name: 'writer2', role: 'writer', ...fleeting },
  { name: 'writer3', role: 'writer', ...lasting },
  { name: 'collector0', role: 'collector', ...fleeting },
  { name: 'collector1', role: 'collector', ...fleeting },
] as const

/**
 * Four writers and two collectors work on one store. In each cycle some of them are killed with SIGKILL, at a step of
 * the protocol or at random; the others pause; what was acknowledged is compared with what is there; and new processes
 * replace the dead.
 *
 * Fails when src/ breaks a rule of the protocol: see `--break` for three; a tombstone that is removed before the
 * deletion, or a commit before `put`, are others. It does not detect a missing fsync, because a kill leaves the page
 * cache: the power trial does.
 */
export class Campaign {
  readonly #options: Options
  readonly #say: (line: string) => void
  readonly #random: Random
  readonly #targets: Targets
  readonly #tally = new Tally()
  readonly #place: Place
  readonly #crew: Crew
  #books: Books
  #strays = new Set<string>()
  #stopped = false

  constructor(options: Options, say: (line: string) => void) {
    this.#options = options
    this.#say = say
    this.#random = new Random(options.seed)
    this.#targets = new Targets(this.#random)
    this.#place = Place.temporary(undefined, options.database)
    this.#books = new Books(this.#place, crew)
    const { seed, broken } = options
    const { address } = this.#place
    const all = crew.map((member): ChildOptions => ({ ...member, address, seed, broken, rest: 2 }))
    this.#crew = new Crew(this.#place, all, (what) => this.#tally.found([{ kind: 'wrong', what }]))
  }

  /** Until the cycles or minutes are over, or something was found. */
  async run(): Promise<Report> {
    const { minutes, seed, broken } = this.#options
    const end = performance.now() + minutes * 60_000
    try {
      for (let cycle = 1, last = false; !last; cycle++) {
        last = this.#isEnough(cycle) || performance.now() > end || this.#stopped
        if (cycle % cyclesOfStore === 1) await this.#newStore()
        else this.#strays.add(await plantStray(this.#place, this.#someContent()))
        const settling = last || cycle % cyclesToSettle === 0
        await this.#cycle(settling)
        if (settling && this.#tally.findings.size === 0) await this.#settle()
        if (settling) this.#say(this.#tally.progress())
        last ||= this.#tally.findings.size > 0
      }
    } finally {
      await this.#crew.killAll()
      await this.#place.database.remove()
      this.#place.remove()
    }
    for (const ledger of this.#books.ledgers) this.#tally.count(ledger)
    this.#tally.processes = this.#crew.started
    return this.#tally.report(seed, broken)
  }

  stop(): void {
    this.#stopped = true
  }

  #isEnough(cycle: number): boolean {
    const { cycles, everyStep } = this.#options
    return cycle >= cycles && !(everyStep && this.#tally.missed.length > 0 && cycle < 3 * cycles)
  }

  async #newStore(): Promise<void> {
    for (const ledger of this.#books.ledgers) this.#tally.count(ledger)
    await this.#place.clear()
    this.#books = new Books(this.#place, crew)
    this.#strays = new Set()
    if (this.#options.broken !== 'fk') return
    const blobs = this.#place.store({})
    await blobs.ready()
    await blobs.close()
    dropForeignKeys(this.#place.databaseFile)
  }

  async #cycle(all: boolean): Promise<void> {
    this.#crew.fill()
    const { members } = this.#crew
    const victims = all ? members : this.#someOf(members)
    await Promise.all(members.map((member) => (victims.includes(member) ? this.#kill(member) : this.#crew.go(member))))
    await this.#crew.rest()
    this.#read()
    for (const { name } of await this.#crew.dead()) {
      this.#tally.deaths += 1
      this.#tally.uploadsInFlight += this.#books.bury(name)
    }
    this.#crew.fill() // they load meanwhile
    this.#tally.cycles += 1
    this.#tally.found(await check(this.#place, this.#books.ledgers, this.#strays))
  }

  /** At a step, or at random. */
  async #kill(member: Member): Promise<void> {
    const planned = this.#random.chance(member.role === 'collector' ? 0.9 : 0.7)
    await this.#crew.kill(member, planned ? this.#targets.next(member.role) : null, this.#random.below(300))
  }

  /** One, some, or nearly all; the second collector survives, so that there is one. */
  #someOf(members: readonly Member[]): Member[] {
    const writers = members.filter(({ role }) => role === 'writer')
    const collector = members.filter(({ name }) => name === 'collector0')
    const few = Number(this.#random.weighted({ 0: 2, 1: 4, 2: 2, 4: 2 }))
    const victims = this.#random.shuffled(writers).slice(0, few)
    return few === 0 || this.#random.chance(0.8) ? [...collector, ...victims] : victims
  }

  #read(): void {
    for (const line of this.#books.read()) {
      if (!('killed' in line)) continue
      this.#tally.killed(line.killed, line.moment)
      this.#targets.hit(line.killed)
    }
  }

  async #settle(): Promise<void> {
    this.#tally.found(await settle(this.#place))
    this.#books.settled()
    this.#read()
    this.#tally.found(await check(this.#place, this.#books.ledgers, this.#strays))
  }

  /** For strays: bytes of requests that complete long after they were given up. */
  #someContent() {
    return this.#random.chance(0.5) ? this.#random.pick(small) : contentOf('stray', 100)
  }
}
