import { join } from 'node:path'
import { type BlobStore, createBlobStore, DiskBackend, isBlobStoreError } from '../../src/index.ts'
import { alice, bytes, nextRev, uriOf } from '../support/samples.ts'
import { factsIn } from './facts.ts'

// One process of several on one store: node worker.ts <folder> <role> <number of the process> <schema>. Prints what it did as JSON.

const [folder = '', role = '', number = '0', schema = ''] = process.argv.slice(2)

const roles: Record<string, (blobs: BlobStore) => Promise<unknown>> = {
  /** 200 uploads, 8 at once, up to a quota. */
  async upload(blobs) {
    let stored = 0
    let refused = 0
    const one = async (index: number) => {
      try {
        await blobs.upload(alice, new Uint8Array(1000).fill(index).fill(Number(number), 0, 500))
        stored += 1
      } catch (error) {
        if (!isBlobStoreError(error, 'QuotaExceeded')) throw error
        refused += 1
      }
    }
    for (let index = 0; index < 200; index += 8) {
      await Promise.all(Array.from({ length: 8 }, (_, offset) => one(index + offset)))
    }
    return { stored, refused }
  },

  /** 100 times: references one blob by a new record, and removes the reference. */
  async toggle(blobs) {
    let missing = 0
    for (let round = 0; round < 100; round++) {
      const ref = await blobs.upload(alice, bytes(`shared ${round % 5}`))
      const uri = uriOf(alice, `p${number}`)
      await blobs.applyWrites(alice, [{ action: 'update', uri, record: { ref } }], { rev: nextRev() })
      // It is referenced, whatever the others do: it must exist.
      const read = await blobs.read(alice, ref.ref).catch(() => null)
      if (read) await read.bytes()
      else missing += 1
      await blobs.applyWrites(alice, [{ action: 'delete', uri }], { rev: nextRev() })
    }
    return { missing }
  },

  /** Collects and sweeps until it is told to end. */
  async collect(blobs) {
    let collected = 0
    let ended = false
    process.once('message', () => {
      ended = true
    })
    while (!ended) {
      const { expiredBlobs } = await blobs.collect({ force: true })
      collected += expiredBlobs
      await blobs.sweep({ force: true })
    }
    return { collected }
  },
}

const blobs = createBlobStore({
  janitor: false,
  backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
  metadata: factsIn(folder, schema),
  limits: { accept: ['*/*'], ...(role === 'upload' ? { quota: { bytes: 100_000 } } : {}) },
  // Long enough for a record to be written, short enough for collecting to happen in between.
  times: { grace: role === 'upload' ? 3_600_000 : 1000, deleteDelay: 0 },
})
const done = await roles[role]?.(blobs)
await blobs.close()
process.send?.(done)
process.disconnect?.()
