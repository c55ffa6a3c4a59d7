import { type ContenderName, missingFor, openContender } from '../contenders/all.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { check } from './check.ts'
import type { Workload } from './workload.ts'

const KiB = 1024
const contenders: ContenderName[] = [
  'ours',
  'ours-relaxed',
  'reference',
  'cacache',
  'blockstore-fs',
  'tus',
  'fs-async',
  'fs-sync',
  'parts',
  'parts-relaxed',
]
/** Where small blobs could be instead of in files. */
const otherLayouts: ContenderName[] = [
  'parts-segment',
  'parts-segment-relaxed',
  'parts-in-rows',
  'parts-in-rows-relaxed',
]

/** How much one sample uploads at most, so that it stays in memory. */
const mostBytes = 640 * 1024 * KiB
const mostBlobs = 12_000

/** A store that has been in use: its directories exist, its code is compiled. With fewer, every contender is slower. */
const warmUp = 4000

/** Uploads of whole, small blobs. */
export const uploads: Workload[] = [
  upload('1k', '1 KiB', KiB, 1),
  upload('1k', '1 KiB', KiB, 16),
  upload('50k', '50 KiB', 50 * KiB, 1),
  upload('50k', '50 KiB', 50 * KiB, 16),
  upload('200k', '200 KiB', 200 * KiB, 1),
  upload('200k', '200 KiB', 200 * KiB, 16),
  upload('1m', '1 MiB', 1024 * KiB, 1),
  upload('1m', '1 MiB', 1024 * KiB, 16),
]

function upload(name: string, title: string, size: number, lanes: number): Workload {
  return {
    name: `upload-${name}-${lanes}`,
    title: `Upload of ${title}, ${lanes === 1 ? 'one at a time' : `${lanes} at once`}`,
    contenders: lanes > 1 && size < 1024 * KiB ? [...contenders, ...otherLayouts] : contenders,
    when: 'always',
    missing: missingFor,
    async run(name, { folder, seconds, scale }) {
      const blobs = new Blobs(size, Math.ceil(Math.min(mostBlobs, mostBytes / size) * scale))
      const contender = await openContender(name, folder)
      const { figures, results } = await measure({ lanes, seconds, most: blobs.count, warmUp }, (number) =>
        contender.upload({ did: accountOf(number), size, body: blobs.body(number) }),
      )
      await check(contender, blobs, results)
      await contender.close()
      return figures
    },
  }
}
