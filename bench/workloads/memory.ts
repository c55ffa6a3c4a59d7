import assert from 'node:assert/strict'
import { join } from 'node:path'
import { cidOfBytes, createBlobStore, DiskBackend, sqliteMetadata } from '../library.ts'
import { observe } from '../measure/observe.ts'
import { accountOf } from './blobs.ts'
import type { Workload } from './workload.ts'

const MiB = 1024 ** 2

/** How much memory is used; that of streams through the store alone is measured together with their speed. */
export const memoryWorks: Workload[] = [
  {
    name: 'memory-express',
    title: '1 GiB through Express in a process of its own, in and out',
    contenders: ['ours'],
    when: 'always',
    rounds: 2,
    async run(_name, { folder, scale }) {
      // Loaded late: the client is large, and would count in the memory of all samples.
      const { throughExpress } = await import('../memory/express.ts')
      const { up, down } = await throughExpress(folder, Math.ceil(1024 * MiB * scale))
      return { ...up, readMemory: down.memory, readBandwidth: down.bandwidth }
    },
  },
  slow('slow-256k', '256 KiB', MiB / 4, 'always'),
  // As much as is held in memory before it goes to the disk, and more.
  slow('slow-3m', '3 MiB', 3 * MiB, 'full'),
]

/** Clients on slow lines, all at once: each sends a chunk when all have sent the previous one. */
function slow(name: string, title: string, size: number, when: Workload['when']): Workload {
  const chunkSize = 64 * 1024
  return {
    name,
    title: `1,000 slow uploads of ${title} at once`,
    contenders: ['ours'],
    when,
    async run(_name, { folder, scale }) {
      const count = Math.ceil(1000 * scale)
      const store = createBlobStore({
        janitor: false,
        backend: new DiskBackend({ root: join(folder, 'blobs') }),
        metadata: sqliteMetadata(join(folder, 'blobs.sqlite')),
        limits: { accept: ['*/*'], uploads: { account: count, total: count } },
      })
      await store.ready()
      let [waiting, release] = [0, Promise.withResolvers<void>()]
      const allHaveSent = async (): Promise<void> => {
        const { promise } = release
        if (++waiting === count) {
          release.resolve()
          ;[waiting, release] = [0, Promise.withResolvers<void>()]
        }
        await promise
      }
      async function* body(number: number): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < size; at += chunkSize) {
          yield chunkOf(number, at / chunkSize)
          await allHaveSent()
        }
      }
      function chunkOf(number: number, index: number): Buffer {
        const chunk = Buffer.alloc(chunkSize, 'a chunk of its own, as of a socket')
        chunk.writeUInt32LE(number)
        chunk.writeUInt32LE(index, 4)
        return chunk
      }
      const stored: string[] = []
      const { elapsed, memory } = await observe(async () => {
        await Promise.all(
          Array.from({ length: count }, async (_, number) => {
            const { ref } = await store.upload(accountOf(number), body(number), { size })
            stored[number] = `${ref}`
          }),
        )
      })
      for (let number = 0; number < count; number++) {
        const chunks = Array.from({ length: size / chunkSize }, (_, index) => chunkOf(number, index))
        assert.equal(stored[number], cidOfBytes(Buffer.concat(chunks)))
      }
      await store.close()
      return { memory, rate: (count / elapsed) * 1000 }
    },
  }
}
