import type { BlobStore } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import type { Abandoned } from './abandoned.ts'
import type { Worker } from './child.ts'
import type { Journal } from './journal.ts'
import type { Step } from './steps.ts'

const sweeping: readonly (Step | undefined)[] = [
  ...(['readMarker', 'identity', 'nextEpoch', 'writeMarker', 'list', 'noteUnknown'] as const),
  ...(['doomNoted', 'forgetNotes', 'sweepSpools'] as const),
]
/** Used by this process alone: it is never deleted. */
const abandoning = 'did:plc:abandoning'
const scrubbing: readonly (Step | undefined)[] = ['markVerified', 'recount']

/** Collects all the time, sweeps often, and scrubs now and then. */
export class Collector implements Worker {
  readonly #blobs: BlobStore
  readonly #journal: Journal
  readonly #abandoned: Abandoned
  readonly #random: Random

  constructor(blobs: BlobStore, journal: Journal, abandoned: Abandoned, random: Random) {
    this.#blobs = blobs
    this.#journal = journal
    this.#abandoned = abandoned
    this.#random = random
  }

  async turn(step: Step | undefined): Promise<void> {
    if (step === 'collectUpload') await this.#abandon()
    await this.#journal.attempt({ what: 'collect' }, async () => {
      const { stopped } = await this.#blobs.collect()
      if (stopped) await this.#blobs.collect({ force: true }) // much has expired while no collector lived
    })
    if (this.#random.chance(sweeping.includes(step) ? 0.7 : 0.15)) {
      await this.#journal.attempt({ what: 'sweep' }, () => this.#blobs.sweep())
    }
    if (this.#random.chance(scrubbing.includes(step) ? 0.7 : 0.01)) await this.#scrub()
  }

  async #abandon(): Promise<void> {
    await this.#journal.attempt({ what: 'abandon' }, async () => {
      await this.#blobs.ready() // a reservation is for a backend that the store knows
      await this.#abandoned.leave(abandoning)
    })
  }

  /** What it finds damaged or missing, and not replaced meanwhile, is recorded as a refusal: and that is a fault. */
  async #scrub(): Promise<void> {
    await this.#journal.attempt({ what: 'scrub' }, async () => {
      const { findings } = await this.#blobs.scrub({ olderThan: 100 })
      if (findings.length > 0) throw new Error(`scrubbing found ${JSON.stringify(findings[0])}`)
    })
  }
}
