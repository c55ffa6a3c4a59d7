import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../support/random.ts'
import { check, checkTakes, type Finding } from './check.ts'
import { type Entry, readJournal } from './journal.ts'
import { Ledger } from './ledger.ts'
import type { Layout, Options } from './options.ts'
import { Process } from './process.ts'
import type { Place } from './store.ts'
import { type FileSystem, Volume } from './volume.ts'
import type { Work } from './worker.ts'

/** The totals of a trial on one file system. */
export interface Report {
  fileSystem: FileSystem
  seed: string
  broken: string | null
  seconds: number
  cycles: number
  /** Under load; right after an acknowledgement, with nothing else running; while the store was being created. */
  cuts: { load: number; rest: number; making: number }
  acknowledged: number
  lost: number
  orphans: number
  wrong: number
  findings: string[]
}

type Moment = keyof Report['cuts']

/** Cycles on one store, at most; then a new one, and the database elsewhere. */
const cyclesOfStore = 10
const names = ['lasting', 'hasty'] as const

/**
 * Two processes upload, reference, dereference and collect on a file system in an image; they are stopped, and its
 * power is cut; they are killed; it is mounted again; and what they had recorded as acknowledged is compared with what
 * is there.
 *
 * Fails when src/ does not bring to stable storage what it acknowledges: see `--break` for three ways. It does not test
 * the order of writes in the device's own cache: the image has everything that was written to it.
 */
export class Campaign {
  readonly #options: Options
  readonly #fileSystem: FileSystem
  readonly #home: string
  readonly #random: Random
  readonly #volumes: { blobs: Volume; database: Volume }
  readonly #findings: Finding[] = []
  readonly #report: Report
  readonly #started = performance.now()
  #ledger = new Ledger()
  #layout: Layout
  readonly #alive = new Set<Process>()
  #waiting: Process[] = []
  #stores = 0
  #ahead = 0
  #stopped = false

  constructor(options: Options, fileSystem: FileSystem, home: string) {
    this.#options = options
    this.#fileSystem = fileSystem
    this.#home = home
    this.#random = new Random(`${options.seed} ${fileSystem}`)
    this.#layout = options.layouts[0] ?? 'together'
    this.#volumes = { blobs: new Volume(home, `${fileSystem}-blobs`), database: new Volume(home, `${fileSystem}-db`) }
    const { seed, broken } = options
    const none = { seconds: 0, cycles: 0, acknowledged: 0, lost: 0, orphans: 0, wrong: 0, findings: [] }
    this.#report = { fileSystem, seed, broken, ...none, cuts: { load: 0, rest: 0, making: 0 } }
  }

  stop(): void {
    this.#stopped = true
  }

  /** Until the cycles or minutes are over; after a finding with a new store. */
  async run(onProgress: (report: Report) => void): Promise<Report> {
    const { cycles, minutes, layouts, fileSystems, untilLost } = this.#options
    const end = this.#started + (minutes * 60_000) / fileSystems.length
    const store = Math.max(1, Math.min(cyclesOfStore, Math.ceil(cycles / layouts.length / 2)))
    try {
      for (let cycle = 0, age = 0; cycle < cycles && !this.#stopped && performance.now() < end; cycle++, age++) {
        const known = this.#findings.length
        if (cycle === 0 || age === store) {
          await this.#newStore()
          age = 0
        }
        await this.#cycle(age)
        if (this.#findings.length > known) age = store - 1
        if (untilLost && this.#findings.some(({ kind }) => kind === 'lost')) break
        if (cycle % 20 === 19) onProgress(this.#told())
      }
    } finally {
      await Promise.all([...this.#alive].map((process) => process.kill()))
      await this.#volumes.blobs.unmount()
      await this.#volumes.database.unmount()
    }
    return this.#told()
  }

  async #newStore(): Promise<void> {
    const { layouts } = this.#options
    this.#layout = layouts[this.#stores % layouts.length] ?? 'together'
    this.#stores += 1
    this.#ledger = new Ledger()
    for (const volume of this.#inUse()) await volume.make(this.#fileSystem)
  }

  #inUse(): Volume[] {
    const { blobs, database } = this.#volumes
    return this.#layout === 'apart' ? [blobs, database] : [blobs]
  }

  #place(): Place {
    const { blobs, database } = this.#volumes
    const folder = this.#layout === 'apart' ? database.folder : blobs.folder
    return { root: join(blobs.folder, 'blobs'), database: join(folder, 'db', 'pds.sqlite') }
  }

  async #cycle(age: number): Promise<void> {
    const moment = this.#moment(age)
    const works = this.#works(moment)
    const processes = works.map(() => this.#waiting.pop() ?? this.#fork())
    const started = await Promise.all(works.map((work, index) => processes[index]?.start(work)))
    if (started.includes(false)) this.#fault('a process does not load')
    await this.#await(moment, processes)
    for (const { death } of processes) if (death !== null) this.#fault(death)
    const cutAt = Date.now()
    // The power fails for all processes at once. A process that continued while file systems are being shut down would
    // get successes of syncs that never happened: the kernel does not fail each of those that it drops.
    for (const process of processes) process.freeze()
    for (const volume of this.#random.shuffled(this.#inUse())) await volume.cut()
    await Promise.all(processes.map((process) => process.kill()))
    for (const process of processes) this.#alive.delete(process)
    this.#waiting.push(...names.slice(this.#waiting.length).map(() => this.#fork()))

    for (const volume of this.#inUse()) await volume.unmount()
    for (const volume of this.#inUse()) await volume.mount()
    this.#report.cycles += 1
    this.#report.cuts[moment] += 1
    for (const work of works) this.#read(readJournal(work.journal), work, cutAt)
    this.#findings.push(...(await check(this.#place(), this.#ledger, this.#ahead)))
    this.#ahead += checkTakes
  }

  #moment(age: number): Moment {
    if (age === 0 && this.#random.chance(0.3)) return 'making'
    return this.#random.chance(0.5) ? 'rest' : 'load'
  }

  #works(moment: Moment): Work[] {
    const { broken } = this.#options
    const most = this.#random.chance(0.7) ? 25 : 150
    const rest = moment === 'rest' ? 1 + this.#random.below(most) : null
    const chosen = moment === 'rest' ? [this.#random.pick(names)] : names
    return chosen.map((name) => {
      const journal = join(this.#home, `${this.#fileSystem}-${name}.journal`)
      rmSync(journal, { force: true })
      const hasty = name === 'hasty'
      const seed = `${this.#options.seed} ${this.#report.cycles}`
      const manner = { grace: hasty ? 0 : 3_600_000, ahead: this.#ahead, broken }
      return { name, place: this.#place(), journal, seed, ...manner, ...lanesOf(rest, hasty) }
    })
  }

  async #await(moment: Moment, processes: readonly Process[]): Promise<void> {
    if (moment === 'making') return sleep(this.#random.below(60))
    const word = moment === 'rest' ? 'resting' : 'working'
    const heard = await Promise.all(processes.map((process) => process.heard(word)))
    if (heard.includes(false)) this.#fault(`a process does not come to be ${word}`)
    if (moment === 'load') await sleep(this.#random.below(this.#random.chance(0.5) ? 200 : 900))
  }

  #read(entries: readonly Entry[], { name }: Work, cutAt: number): void {
    this.#report.acknowledged -= this.#ledger.acknowledged
    this.#ledger.read(entries, name === 'lasting')
    this.#report.acknowledged += this.#ledger.acknowledged
    for (const entry of entries) if ('failed' in entry && entry.at < cutAt) this.#fault(`${name}: ${entry.failed}`)
  }

  #fork(): Process {
    const process = new Process(join(this.#home, 'compile-cache'))
    this.#alive.add(process)
    return process
  }

  #fault(what: string): void {
    this.#findings.push({ kind: 'wrong', what })
  }

  #told(): Report {
    const count = (wanted: Finding['kind']) => this.#findings.filter(({ kind }) => kind === wanted).length
    const counts = { lost: count('lost'), orphans: count('orphan'), wrong: count('wrong') }
    const findings = this.#findings.map(({ kind, what }) => `${kind}: ${what}`)
    return {
      ...this.#report,
      ...counts,
      findings,
      seconds: Math.round((performance.now() - this.#started) / 1000),
    }
  }
}

/** The paused process ran alone with one lane: no other sync may help. */
function lanesOf(rest: number | null, collects: boolean): Pick<Work, 'lanes' | 'rest' | 'collects'> {
  return rest === null ? { lanes: 4, rest, collects } : { lanes: 1, rest, collects: false }
}
