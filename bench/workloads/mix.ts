import assert from 'node:assert/strict'
import { type ContenderName, missingFor, openContender } from '../contenders/all.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { allReferenced, check, fill } from './check.ts'
import { shuffled } from './read.ts'
import type { Workload } from './workload.ts'

const size = 50 * 1024

/** The usual work of a PDS. */
export const mixes: Workload[] = [
  {
    name: 'mix-50k-16',
    title: 'A mix of 90 % readings, 9 % uploads, 1 % deletions of 50 KiB, 16 at once',
    contenders: ['ours', 'ours-relaxed', 'reference'] satisfies ContenderName[],
    when: 'always',
    missing: missingFor,
    async run(name, { folder, seconds, scale }) {
      const kept = new Blobs(size, Math.ceil(320 * scale))
      const coming = new Blobs(size, Math.ceil(4000 * scale))
      const contender = await openContender(name, folder)
      const names = await fill(contender, kept)
      const came: { did: string; name: string }[] = []
      let [uploaded, deleted] = [0, 0]
      const { figures } = await measure({ lanes: 16, seconds }, async (number) => {
        const kind = number % 100
        if (kind < 9 && uploaded < coming.count) {
          const one = uploaded++
          const did = accountOf(one)
          came.push({ did, name: await contender.upload({ did, size, body: coming.body(one) }) })
        } else if (kind === 50 && came.length > 0) {
          const { did, name } = came.pop() ?? assert.fail()
          await contender.forget?.(did, name)
          deleted++
        } else {
          const one = shuffled(number, names.length)
          const bytes = await contender.read(accountOf(one), names[one] as string)
          assert.equal(bytes.length, size)
        }
      })
      assert.equal(await allReferenced(contender), kept.count + uploaded - deleted, 'references')
      await check({ ...contender, referenced: undefined } as never, kept, names)
      await contender.close()
      return figures
    },
  },
]
