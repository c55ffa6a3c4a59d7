import type { Random } from '../../support/random.ts'
import { collectorSteps, type Moment, moments, type Plan, type Step, writerSteps } from './steps.ts'

/** Reached in many turns, so the first call need not be the one. */
const frequent: readonly Step[] = [
  'admit',
  'put',
  'commit',
  'applyReferences',
  'expiredBlobs',
  'dueKeys',
  'collectBlobs',
]

/** Chooses the next step, so that each is hit in each moment, and all about equally often. */
export class Targets {
  readonly #random: Random
  readonly #tries = new Map<string, number>()
  readonly #hits = new Map<Step, number>()

  constructor(random: Random) {
    this.#random = random
  }

  next(role: string): Plan {
    const steps: readonly Step[] = role === 'writer' ? writerSteps : collectorSteps
    const all = steps.flatMap((step) => moments.map((moment) => ({ step, moment })))
    const [plan] = this.#random.shuffled(all).sort((one, two) => this.#rank(one) - this.#rank(two))
    const { step, moment } = plan as { step: Step; moment: Moment }
    this.#tries.set(`${step} ${moment}`, (this.#tries.get(`${step} ${moment}`) ?? 0) + 1)
    const call = frequent.includes(step) ? 1 + this.#random.below(5) : 1
    return { step, moment, call, after: this.#random.chance(0.7) ? this.#random.below(150) : 0 }
  }

  hit(step: Step): void {
    this.#hits.set(step, (this.#hits.get(step) ?? 0) + 1)
  }

  /** A step that was never hit comes first, but not for ever. */
  #rank({ step, moment }: { step: Step; moment: Moment }): number {
    return (this.#tries.get(`${step} ${moment}`) ?? 0) - (this.#hits.has(step) ? 0 : 3)
  }
}
