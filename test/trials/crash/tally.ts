import type { Finding } from './check.ts'
import type { Ledger } from './ledger.ts'
import { collectorSteps, type Moment, type Step, writerSteps } from './steps.ts'

/** The totals of a trial. */
export interface Report {
  seed: string
  broken: string | null
  cycles: number
  seconds: number
  processes: number
  /** By step of the protocol. */
  kills: Record<Step, Record<Moment, number>>
  /** At random moments. */
  killsByChance: number
  /** Steps at which no process was killed. */
  missed: Step[]
  uploadsInFlight: number
  /** By operation. */
  acknowledged: Record<string, number>
  refused: Record<string, number>
  /** Broken promises, bytes without a row, and other things that should not be. */
  lost: number
  orphans: number
  wrong: number
  findings: string[]
}

const steps: readonly Step[] = [...writerSteps, ...collectorSteps]

export class Tally {
  cycles = 0
  processes = 0
  deaths = 0
  uploadsInFlight = 0
  readonly findings = new Map<string, Finding>()
  readonly #kills = new Map<Step, Record<Moment, number>>()
  readonly #acknowledged: Record<string, number> = {}
  readonly #refused: Record<string, number> = {}
  readonly #started = performance.now()

  killed(step: Step, moment: Moment): void {
    const kills = this.#kills.get(step) ?? noKills()
    kills[moment] += 1
    this.#kills.set(step, kills)
  }

  found(findings: readonly Finding[]): void {
    for (const finding of findings) this.findings.set(finding.what, finding)
  }

  /** Adds what a ledger has counted; call it once for each. */
  count({ done, refused }: Ledger): void {
    for (const [what, times] of Object.entries(done)) add(this.#acknowledged, what, times)
    for (const [what, times] of Object.entries(refused)) add(this.#refused, what, times)
  }

  /** Steps at which no process was killed. */
  get missed(): Step[] {
    return steps.filter((step) => !this.#kills.has(step))
  }

  progress(): string {
    return `cycle ${this.cycles}: ${this.deaths} processes killed, ${this.findings.size} faults found`
  }

  report(seed: string, broken: string | null): Report {
    const findings = [...this.findings.values()]
    const atSteps = [...this.#kills.values()].reduce((sum, kills) => sum + total(kills), 0)
    return {
      ...{ seed, broken, cycles: this.cycles, seconds: Math.round((performance.now() - this.#started) / 1000) },
      processes: this.processes,
      kills: Object.fromEntries(steps.map((step) => [step, this.#kills.get(step) ?? noKills()])) as Report['kills'],
      killsByChance: this.deaths - atSteps,
      missed: this.missed,
      uploadsInFlight: this.uploadsInFlight,
      ...{ acknowledged: this.#acknowledged, refused: this.#refused },
      lost: findings.filter(({ kind }) => kind === 'lost').length,
      orphans: findings.filter(({ kind }) => kind === 'orphan').length,
      wrong: findings.filter(({ kind }) => kind === 'wrong').length,
      findings: findings.map(({ kind, what }) => `${kind}: ${what}`),
    }
  }
}

const noKills = (): Record<Moment, number> => ({ before: 0, during: 0, after: 0 })
export const total = (kills: Record<Moment, number>): number => kills.before + kills.during + kills.after

function add(counts: Record<string, number>, name: string, number: number): void {
  counts[name] = (counts[name] ?? 0) + number
}
