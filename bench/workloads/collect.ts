import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../library.ts'
import { inLanes } from '../measure/measure.ts'
import { observe } from '../measure/observe.ts'
import { accountOf, accounts, Blobs } from './blobs.ts'
import { addStock } from './stock.ts'
import type { Workload } from './workload.ts'

const day = 24 * 3600_000

/** Collecting uploads that no record ever referenced, by how many there are among how many blobs. */
export const collecting: Workload[] = [
  collect('collect', ['500-of-1000', '500-of-50000'], 'always'),
  collect('collect-full', ['10000-of-20000', '10000-of-1000000'], 'full'),
]

function collect(name: string, contenders: string[], when: Workload['when']): Workload {
  return {
    name,
    title: 'Collecting: expired of all blobs; CPU time for each expired blob',
    contenders,
    when,
    ...(when === 'full' ? { rounds: 2 } : {}),
    async run(amounts, { folder, scale }) {
      const [expired = 0, all = 0] = amounts.split('-of-').map((amount) => Math.ceil(Number(amount) * scale))
      let late = 0
      const open = () =>
        createBlobStore({
          janitor: false,
          backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
          metadata: sqliteMetadata(join(folder, 'blobs.sqlite'), {
            durability: 'relaxed',
            now: () => Date.now() + late,
          }),
          times: { grace: day, deleteDelay: 0 },
        })
      const first = open()
      const blobs = new Blobs(1024, expired)
      await inLanes(16, expired, (number) => first.upload(accountOf(number), blobs.bytes(number)))
      await first.close()
      addStock(folder, { accounts, count: all - expired })

      const store = open()
      await store.ready()
      late = 2 * day
      let deleted = 0
      const { elapsed, cpu } = await observe(async () => {
        deleted = (await store.collect()).deletedKeys
      })
      assert.equal(deleted, expired)
      const { storedCount } = await store.stats()
      assert.equal(storedCount, all - expired)
      await store.close()
      return { rate: (expired / elapsed) * 1000, cpu: cpu / expired }
    },
  }
}
