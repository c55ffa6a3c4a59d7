import { works } from '../works/all.ts'
import type { Work } from '../works/work.ts'
import type { BenchOptions } from './options.ts'

export interface Planned {
  work: Work
  contestant: string
  round: number
}

/**
 * Round after round, and in each the contestants of a work one after another: what changes on the machine with time
 * meets all of them. Every other round has them in the opposite order, so that none always follows the same one.
 */
export function plan({ full, only, rounds }: BenchOptions): Planned[] {
  const chosen = works.filter(({ when }) => full || when === 'always')
  return Array.from({ length: rounds }, (_, round) =>
    chosen.flatMap((work) => {
      if (round >= (work.rounds ?? rounds)) return []
      const contestants = work.contestants.filter((one) => only.test(work.name) || only.test(`${work.name}/${one}`))
      if (round % 2 === 1) contestants.reverse()
      return contestants.map((contestant) => ({ work, contestant, round }))
    }),
  ).flat()
}
