import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../support/random.ts'
import type { BrokenRule } from './broken-rules.ts'
import { breakRule, metadataDurability } from './broken-rules.ts'
import { Journal } from './journal.ts'
import { Lane, unlessBusy } from './lane.ts'
import { openStore, type Place } from './store.ts'

/** The instructions for a process. */
export interface Work {
  name: string
  place: Place
  journal: string
  seed: string
  grace: number
  ahead: number
  broken: BrokenRule | null
  lanes: number
  /** Pauses after so many acknowledgements, so that no later call helps the last acknowledged one. */
  rest: number | null
  collects: boolean
}

// A process that works on the store until the power is cut and it is killed. It loads at once, and waits for its
// instructions.

process.once('message', (work: Work) => void start(work))
process.send?.('loaded')

async function start(work: Work): Promise<void> {
  const journal = new Journal(work.journal)
  breakRule(work.broken)
  const { grace, ahead } = work
  const blobs = openStore(work.place, { durability: metadataDurability(work.broken), grace, ahead })
  let left = work.rest ?? Number.POSITIVE_INFINITY
  const more = (): boolean => left > 0
  const acknowledged = (): void => {
    left -= 1
    if (left === 0) process.send?.('resting')
  }
  try {
    while ((await unlessBusy(blobs.ready().then(() => true))) === null);
    process.send?.('working')
    const lanes = Array.from({ length: work.lanes }, (_, index) => {
      const random = new Random(`${work.seed} ${work.name} ${index}`)
      return new Lane(blobs, journal, random, `did:plc:${work.name}${index}`).run(more, acknowledged)
    })
    if (work.collects) lanes.push(collect())
    await Promise.all(lanes)
  } catch (error) {
    journal.write({ failed: String(error), at: Date.now() })
  }

  async function collect(): Promise<void> {
    while (more()) {
      const report = await unlessBusy(blobs.collect({ force: true }))
      if (report) journal.write({ collected: report.deletedKeys })
      await sleep(5)
    }
  }
}
