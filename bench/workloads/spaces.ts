import assert from 'node:assert/strict'
import type { Figures } from '../measure/figures.ts'
import { measure } from '../measure/measure.ts'
import { Blobs } from './blobs.ts'
import { shuffled } from './read.ts'
import { makeTables, openRelaxed } from './relaxed-store.ts'
import { addStock } from './stock.ts'
import type { Workload } from './workload.ts'

/** How many spaces there are, and how many references in each, by what the sample is called. */
const stocks: Record<string, { spaces: number; each: number }> = {
  'one-space': { spaces: 1, each: 500 },
  '1000-spaces': { spaces: 1000, each: 1000 },
}

const owner = 'did:plc:ownerownerownerownerowner'
const rev = '3jzfcijpj2z2a'

const spaceOf = (number: number): string => `at://did:plc:group/space/com.example.circle/s${number}`

/** Whether work in a space depends on what else its account has. Durability is off: the disk would hide what is looked for. */
export const spaces: Workload[] = [
  {
    name: 'spaces-1m',
    title:
      'A space of 1 KiB blobs beside others of its account: a record written and deleted, a read, a page of listBlobs',
    contenders: Object.keys(stocks),
    when: 'full',
    rounds: 2,
    async run(stock, { folder, seconds, scale }): Promise<Figures> {
      const { spaces: count, each } = stocks[stock] as (typeof stocks)[string]
      await makeTables(folder)
      const all = Array.from({ length: Math.ceil(count * scale) }, (_, number) => spaceOf(number))
      addStock(folder, { accounts: [owner], count: each * all.length, spaces: all })

      const store = openRelaxed(folder)
      const space = all[all.length >> 1] as string
      const blobs = new Blobs(1024, 50)
      const numbers = Array.from({ length: blobs.count }, (_, number) => number)
      const refs = await Promise.all(numbers.map((number) => store.upload(owner, blobs.bytes(number))))
      const uri = (number: number) => `${space}/${owner}/app.bsky.feed.like/${number}`
      const create = (number: number) =>
        store.applyWrites(
          owner,
          [{ action: 'create', uri: uri(number), record: { blob: refs[number % refs.length] } }],
          { rev },
        )
      for (const number of numbers) await create(number)

      const writes = await measure({ lanes: 1, seconds }, async (number) => {
        await create(number + refs.length)
        await store.applyWrites(owner, [{ action: 'delete', uri: uri(number + refs.length) }], { rev })
      })
      const reads = await measure({ lanes: 16, seconds }, async (count) => {
        const number = shuffled(count, refs.length)
        const reading = await store.read(owner, `${refs[number]?.ref}`, { space })
        assert(blobs.bytes(number).equals(await reading.bytes()), 'other bytes came back')
      })
      const lists = await measure({ lanes: 1, seconds: seconds / 2 }, async () => {
        const { items } = await store.listSpace(owner, space, { limit: 500 })
        assert.equal(items.length, 500)
      })
      await store.close()
      const { rate, cpu, p99 } = writes.figures
      return { rate, cpu, p99, readCpu: reads.figures.cpu, listCpu: lists.figures.cpu }
    },
  },
]
