import assert from 'node:assert/strict'
import { type ContenderName, missingFor, openContender } from '../contenders/all.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { check, fill } from './check.ts'
import type { Workload } from './workload.ts'

const KiB = 1024
const count = 640

/** Until the code is compiled. */
const warmUp = 12_000

/** Reading small blobs that are in the kernel's cache, in random order. */
export const reads: Workload[] = [read('1k', '1 KiB', KiB), read('50k', '50 KiB', 50 * KiB), range()]

function read(name: string, title: string, size: number): Workload {
  return {
    name: `read-${name}-16`,
    title: `Reading of ${title}, 16 at once`,
    contenders: ['ours', 'reference', 'cacache', 'blockstore-fs', 'fs-async', 'parts'] satisfies ContenderName[],
    when: 'always',
    missing: missingFor,
    async run(name, { folder, seconds, scale }) {
      const blobs = new Blobs(size, Math.ceil(count * scale))
      const contender = await openContender(name, folder)
      const names = await fill(contender, blobs)
      const { figures } = await measure({ lanes: 16, seconds, warmUp }, async (number) => {
        const one = shuffled(number, names.length)
        const { length } = await contender.read(accountOf(one), names[one] as string)
        assert.equal(length, size)
      })
      await check(contender, blobs, names)
      await contender.close()
      return figures
    },
  }
}

/** The part of a video that a player requests. */
function range(): Workload {
  const size = 1024 * KiB
  const [start, end] = [500_000, 500_000 + 64 * KiB - 1]
  return {
    name: 'range-64k-16',
    title: 'Reading of 64 KiB from the middle of 1 MiB, 16 at once',
    contenders: ['ours', 'fs-async'] satisfies ContenderName[],
    when: 'always',
    missing: missingFor,
    async run(name, { folder, seconds, scale }) {
      const blobs = new Blobs(size, Math.ceil(64 * scale))
      const contender = await openContender(name, folder)
      const names = await fill(contender, blobs)
      const { figures } = await measure({ lanes: 16, seconds, warmUp }, async (number) => {
        const one = shuffled(number, names.length)
        const bytes = await contender.range?.(accountOf(one), names[one] as string, start, end)
        assert(
          bytes &&
            blobs
              .bytes(one)
              .subarray(start, end + 1)
              .equals(bytes),
          'other bytes came back',
        )
      })
      await contender.close()
      return figures
    },
  }
}

/** Each number below `count` once, but far from the one before. */
export function shuffled(number: number, count: number): number {
  return (number * 7919) % count
}
