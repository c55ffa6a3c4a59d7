import { randomBytes } from 'node:crypto'
import type { BlobStore } from '../../src/index.ts'
import { alice, bob } from '../support/samples.ts'

/** How long uploads of known and of new bytes took, in milliseconds. */
export interface Comparison {
  pairs: number
  /** The median of each. */
  known: number
  fresh: number
  /** Known minus new in each pair: the median, and its 95 % confidence interval. */
  difference: number
  bounds: [number, number]
  /** The share of pairs in which the known bytes took less time: 0.5 shows nothing, 0 or 1 shows it each time. */
  knownFirst: number
}

/**
 * Uploads pairs of blobs of one size, of which Bob has one and nobody the other, in changing order, and compares how
 * long Alice waits. In pairs, because other load on the machine changes with time.
 */
export async function compareTimes(blobs: BlobStore, pairs: number, size: number): Promise<Comparison> {
  const [known, fresh]: [number[], number[]] = [[], []]
  for (let pair = 0; pair < pairs; pair++) {
    const [one, other] = [randomBytes(size), randomBytes(size)]
    await blobs.upload(bob, one)
    if (pair % 2 === 0) known.push(await time(blobs, one))
    fresh.push(await time(blobs, other))
    if (pair % 2 === 1) known.push(await time(blobs, one))
  }
  const differences = known.map((time, index) => time - (fresh[index] as number)).sort((a, b) => a - b)
  const reach = Math.ceil(0.98 * Math.sqrt(pairs))
  const at = (rank: number): number => differences[Math.min(Math.max(rank, 0), pairs - 1)] as number
  return {
    pairs,
    known: middle(known),
    fresh: middle(fresh),
    difference: at(pairs >> 1),
    bounds: [at((pairs >> 1) - reach), at((pairs >> 1) + reach)],
    knownFirst: differences.filter((one) => one < 0).length / pairs,
  }
}

async function time(blobs: BlobStore, bytes: Uint8Array): Promise<number> {
  const start = performance.now()
  await blobs.upload(alice, bytes)
  return performance.now() - start
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] as number
}
