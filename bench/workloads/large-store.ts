import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Figures } from '../measure/figures.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, accounts, Blobs } from './blobs.ts'
import { shuffled } from './read.ts'
import { makeTables, openRelaxed } from './relaxed-store.ts'
import { addStock } from './stock.ts'
import type { Workload } from './workload.ts'

/** How many blobs there are before, by the name of the sample. */
const stocks: Record<string, number> = { empty: 0, '10k': 10_000, '100k': 100_000, '1m': 1_000_000 }

/** One account whose list is read, with as many blobs in each store. */
const listed = 'did:plc:listedlistedlistedlisted'

/**
 * Whether work in a store depends on how much is in it. Durability is off, because the disk would hide the difference.
 */
export const largeStores: Workload[] = [
  largeStore('store-10k', '10,000 blobs', ['empty', '10k'], 'always'),
  largeStore('store-1m', '100,000 and 1,000,000 blobs', ['empty', '100k', '1m'], 'full'),
]

function largeStore(name: string, title: string, contenders: string[], when: Workload['when']): Workload {
  const size = 1024
  return {
    name,
    title: `Uploading and reading of 1 KiB, 16 at once, and a page of listBlobs, with ${title} in the store`,
    contenders,
    when,
    ...(when === 'full' ? { rounds: 2 } : {}),
    async run(stock, { folder, seconds, scale }): Promise<Figures> {
      await makeTables(folder)
      addStock(folder, { accounts: [listed], count: 1000 })
      const count = Math.ceil((stocks[stock] as number) * scale)
      const before = databaseBytes(folder)
      addStock(folder, { accounts, count })
      const rowBytes = (databaseBytes(folder) - before) / count

      const store = openRelaxed(folder)
      const blobs = new Blobs(size, Math.ceil(6000 * scale))
      const uploads = await measure({ lanes: 16, seconds, most: blobs.count }, async (number) => {
        const did = accountOf(number)
        const blob = await store.upload(did, blobs.bytes(number))
        const uri = `at://${did}/app.bsky.feed.like/${number}`
        await store.applyWrites(did, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
        return `${blob.ref}`
      })
      const names = uploads.results
      const reads = await measure({ lanes: 16, seconds }, async (count) => {
        const number = shuffled(count, names.length)
        const reading = await store.read(accountOf(number), names[number] as string)
        const bytes = await reading.bytes()
        assert(blobs.bytes(number).equals(bytes), 'other bytes came back')
      })
      const lists = await measure({ lanes: 1, seconds: seconds / 2 }, async () => {
        const { items } = await store.listPublic(listed, { limit: 500 })
        assert.equal(items.length, 500)
      })
      await store.close()
      const { rate, cpu, p99 } = uploads.figures
      const others = { readCpu: reads.figures.cpu, listCpu: lists.figures.cpu }
      return { rate, cpu, p99, ...others, ...(count > 0 && { rowBytes }) }
    },
  }
}

const databaseBytes = (folder: string): number => statSync(join(folder, 'blobs.sqlite')).size
