import type { Finding } from './check.ts'
import { check } from './check.ts'
import { contentOf, small } from './contents.ts'
import { Journal, JournalReader } from './journal.ts'
import { Ledger } from './ledger.ts'
import { Member, within } from './member.ts'
import type { Options } from './options.ts'
import { hasty, Place } from './place.ts'
import { Random } from './random.ts'
import { settle } from './settle.ts'
import { dropForeignKeys } from './stale-collector.ts'
import { plantStray } from './stray.ts'
import { type Report, Tally } from './tally.ts'
import { Targets } from './targets.ts'

/** After so many cycles everybody is killed, and what is left is collected. */
const cyclesToSettle = 10
/** After so many a new store begins, whose making is killed too. */
const cyclesOfStore = 30
/** How long a process may take to come to its step, or to rest: in milliseconds. */
const [patience, longPatience] = [1500, 20_000]

const hour = 3_600_000
const names = ['writer0', 'writer1', 'writer2', 'writer3', 'collector0', 'collector1'] as const

/**
 * Four writers and two collectors work on one store. In each cycle some of them are killed with SIGKILL, at a step of the
 * protocol or by chance; the others come to rest; what was acknowledged is compared with what is there; and new processes
 * take the places of the dead.
 *
 * Fails when src/ breaks a rule of the protocol: see `--break` for three. It does not notice a missing fsync, since a
 * kill leaves the page cache: that is for the power cut.
 */
export class Campaign {
  readonly #options: Options
  readonly #say: (line: string) => void
  readonly #random: Random
  readonly #targets: Targets
  readonly #tally = new Tally()
  readonly #place = Place.temporary()
  readonly #members = new Map<string, Member>()
  readonly #accounts = new Map<string, { ledger: Ledger; reader: JournalReader }>()
  readonly #strays = new Set<string>()
  #stopped = false

  constructor(options: Options, say: (line: string) => void) {
    this.#options = options
    this.#say = say
    this.#random = new Random(options.seed)
    this.#targets = new Targets(this.#random)
  }

  /** Until the cycles or minutes are over, or something was found. */
  async run(): Promise<Report> {
    const { cycles, minutes, seed, broken } = this.#options
    const end = performance.now() + minutes * 60_000
    try {
      for (let cycle = 1; cycle <= cycles && !this.#stopped && this.#tally.findings.size === 0; cycle++) {
        const last = cycle === cycles || performance.now() > end
        if (cycle % cyclesOfStore === 1) await this.#newStore()
        await this.#cycle(last || cycle % cyclesToSettle === 0, cycle % cyclesOfStore === 1)
        if (cycle % cyclesToSettle === 0) this.#say(this.#progress())
        if (last) break
      }
    } finally {
      await Promise.all([...this.#members.values()].map((member) => member.kill()))
      for (const { ledger } of this.#accounts.values()) this.#tally.count(ledger)
      this.#place.remove()
    }
    return this.#tally.report(seed, broken)
  }

  stop(): void {
    this.#stopped = true
  }

  async #newStore(): Promise<void> {
    this.#place.clear()
    for (const { ledger } of this.#accounts.values()) this.#tally.count(ledger)
    for (const name of names) {
      const ledger = new Ledger(isLasting(name) ? hour : (hasty.grace ?? 0))
      this.#accounts.set(name, { ledger, reader: new JournalReader(this.#place.journal(name)) })
    }
    if (this.#options.broken !== 'fk') return
    const blobs = this.#place.store({})
    await blobs.ready()
    await blobs.close()
    dropForeignKeys(this.#place.database)
  }

  async #cycle(settling: boolean, first: boolean): Promise<void> {
    for (const name of names) if (!this.#members.has(name)) this.#members.set(name, this.#fork(name))
    if (!first) await this.#plantStrays()
    const members = [...this.#members.values()]
    const victims = settling ? members : this.#victims()
    await Promise.all(members.map((member) => (victims.includes(member) ? this.#kill(member) : member.go(null))))
    await Promise.all(members.filter((member) => !member.dead).map((member) => this.#rest(member)))
    for (const member of members) await this.#bury(member)
    this.#read()
    this.#tally.cycles += 1
    this.#found(await check(this.#place, this.#ledgers(), this.#strays))
    if (settling && this.#tally.findings.size === 0) await this.#settle()
  }

  /** One, some, or nearly all; the second collector lives on, so that there is one. */
  #victims(): Member[] {
    const members = [...this.#members.values()]
    const writers = members.filter(({ role }) => role === 'writer')
    const few = Number(this.#random.weighted({ 0: 2, 1: 4, 2: 2, 4: 2 }))
    const victims = this.#random.shuffled(writers).slice(0, few)
    const collector = members.filter(({ name }) => name === 'collector0')
    return few === 0 || this.#random.chance(0.8) ? [...collector, ...victims] : victims
  }

  /** At a step, or by chance. */
  async #kill(member: Member): Promise<void> {
    const plan = this.#random.chance(member.role === 'collector' ? 0.9 : 0.7) ? this.#targets.next(member.role) : null
    if (!(await within(longPatience, member.go(plan)))) return this.#fault(`${member.name} does not start`)
    await within(plan ? patience : this.#random.below(300), member.died)
    await member.kill()
  }

  async #rest(member: Member): Promise<void> {
    if (await member.pause(longPatience)) return
    this.#fault(`${member.name} does not come to rest`)
    await member.kill()
  }

  /** What was under way in a dead process has no outcome; a new process takes its place. */
  async #bury(member: Member): Promise<void> {
    if (!member.dead) return
    const { signal, code, stderr } = await member.died
    if (signal !== 'SIGKILL') this.#fault(`${member.name} ended by itself: ${signal ?? code} ${stderr.slice(-2000)}`)
    this.#read()
    this.#tally.deaths += 1
    this.#tally.uploadsInFlight += this.#accounts.get(member.name)?.ledger.bury() ?? 0
    this.#members.set(member.name, this.#fork(member.name))
  }

  #read(): void {
    for (const { ledger, reader } of this.#accounts.values()) {
      const lines = reader.read()
      ledger.read(lines)
      for (const line of lines) {
        if (!('killed' in line)) continue
        this.#tally.killed(line.killed, line.moment)
        this.#targets.hit(line.killed)
      }
    }
  }

  async #settle(): Promise<void> {
    this.#found(await settle(this.#place))
    this.#strays.clear()
    for (const name of names) {
      const journal = new Journal(this.#place.journal(name))
      journal.settled()
      journal.close()
    }
    this.#read()
    this.#found(await check(this.#place, this.#ledgers()))
  }

  /** As requests leave them that come to their end long after they were given up. */
  async #plantStrays(): Promise<void> {
    const content = this.#random.chance(0.5) ? this.#random.pick(small) : contentOf('stray', 100)
    this.#strays.add(await plantStray(this.#place, content))
  }

  #fork(name: string): Member {
    const { seed, broken } = this.#options
    const lasting = isLasting(name)
    const times = lasting ? { ...hasty, grace: hour } : hasty
    const role = name.startsWith('collector') ? 'collector' : 'writer'
    const folder = this.#place.folder
    this.#tally.processes += 1
    return new Member({ role, name, folder, seed, times, lasting, broken, rest: 2 }, this.#place)
  }

  #ledgers(): Ledger[] {
    return [...this.#accounts.values()].map(({ ledger }) => ledger)
  }

  #found(findings: readonly Finding[]): void {
    this.#tally.found(findings)
  }

  #fault(what: string): void {
    this.#tally.found([{ kind: 'wrong', what }])
  }

  #progress(): string {
    const { cycles, deaths, findings } = this.#tally
    return `cycle ${cycles}: ${deaths} processes killed, ${findings.size} faults found`
  }
}

/** Half of the writers keep temporary blobs for long: those can be counted on. */
function isLasting(name: string): boolean {
  return name === 'writer1' || name === 'writer3'
}
