import assert from 'node:assert/strict'
import { type ContestantName, openContestant } from '../contestants/all.ts'
import type { Contestant } from '../contestants/contract.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, accounts, Blobs } from './blobs.ts'
import type { Work } from './work.ts'

const KiB = 1024

const everybody: ContestantName[] = ['ours', 'ours-relaxed', 'reference', 'blockstore-fs']

/** What is uploaded in one sample at most, so that it stays in memory. */
const mostBytes = 256 * 1024 * KiB
const mostBlobs = 8000

/** Uploads of whole, small blobs. */
export const uploads: Work[] = [
  upload('1k', '1 KiB', KiB, 1),
  upload('1k', '1 KiB', KiB, 16),
  upload('50k', '50 KiB', 50 * KiB, 1),
  upload('50k', '50 KiB', 50 * KiB, 16),
  upload('1m', '1 MiB', 1024 * KiB, 1),
  upload('1m', '1 MiB', 1024 * KiB, 16),
]

function upload(name: string, title: string, size: number, lanes: number): Work {
  return {
    name: `upload-${name}-${lanes}`,
    title: `Upload of ${title}, ${lanes === 1 ? 'one at a time' : `${lanes} at once`}`,
    contestants: everybody,
    when: 'always',
    async run(name, { folder, seconds, scale }) {
      const most = Math.ceil(Math.min(mostBlobs, mostBytes / size) * scale)
      const blobs = new Blobs(size, most)
      const contestant = await openContestant(name as ContestantName, folder)
      const { figures, results } = await measure(
        { lanes, warmUp: Math.ceil(Math.min(most / 4, 200)), seconds, most },
        (number) => contestant.upload({ did: accountOf(number), size, body: blobs.body(number) }),
      )
      await check(contestant, blobs, results)
      await contestant.close()
      return figures
    },
  }
}

/** Every byte that was sent comes back, and a record references every blob. */
async function check(contestant: Contestant, blobs: Blobs, names: string[]): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < names.length) {
      const number = next++
      const bytes = await contestant.read(accountOf(number), names[number] ?? assert.fail(`blob ${number}: no name`))
      assert(blobs.bytes(number).equals(bytes), `blob ${number} came back as other bytes`)
    }
  }
  await Promise.all(Array.from({ length: 16 }, lane))
  if (!contestant.referenced) return
  let referenced = 0
  for (const did of accounts) referenced += await contestant.referenced(did)
  assert.equal(referenced, names.length, 'references')
}
