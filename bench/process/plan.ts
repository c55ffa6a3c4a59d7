import { goalRows } from '../goals/all.ts'
import { seriesOf } from '../goals/goal.ts'
import { workloads } from '../workloads/all.ts'
import type { Workload } from '../workloads/workload.ts'
import type { BenchOptions } from './options.ts'

export interface Planned {
  work: Workload
  contender: string
  /** Negative for a sample that does not count. */
  round: number
}

/** One of each kind that needs no server of another project. */
const smoke = /^(upload-1k-16|stream-1g|read-1k|http-(get|upload)-50k|mix|store-10k|collect$)/

/** Without `--full` only what a goal needs is measured. */
const decisive = seriesOf(goalRows)

/**
 * Round after round, and in each the contenders of a workload one after another, so that changes of the machine affect
 * all of them. Every other round has the opposite order, so that none always follows the same one. `skip` is called for
 * those that cannot be measured here.
 */
export function plan(options: BenchOptions, skip: (why: string) => void): Planned[] {
  const chosen = workloads.flatMap((work) => {
    const contenders = chosenOf(work, options).filter((contender) => {
      const missing = work.missing?.(contender)
      if (missing !== undefined) skip(`Skipped ${work.name} of ${contender}: ${missing}`)
      return missing === undefined
    })
    return contenders.length === 0 ? [] : [{ work, contenders }]
  })
  // The first sample of a contender reads its code from the disk, and more; so of those that take a second it is dropped.
  const first = options.smoke || options.rounds === 1 ? 0 : -1
  return Array.from({ length: options.rounds - first }, (_, index) => first + index).flatMap((round) =>
    chosen.flatMap(({ work, contenders }) => {
      if (round >= (work.rounds ?? options.rounds) || (round < 0 && work.rounds !== undefined)) return []
      const order = Math.abs(round) % 2 === 1 ? contenders.toReversed() : contenders
      return order.map((contender) => ({ work, contender, round }))
    }),
  )
}

function chosenOf(
  { name, contenders, when }: Workload,
  { full, only, smoke: isSmoke }: BenchOptions,
): readonly string[] {
  if (only !== null) return contenders.filter((one) => only.test(name) || only.test(`${name}/${one}`))
  if (isSmoke) return smoke.test(name) ? contenders.slice(0, 1) : []
  if (full) return contenders
  return when === 'always' ? contenders.filter((one) => decisive.has(`${name}/${one}`)) : []
}
