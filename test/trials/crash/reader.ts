import { type BlobStore, cidOfBytes, isBlobStoreError } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import { friends, work } from '../../support/samples.ts'
import type { Worker } from './child.ts'
import type { Journal } from './journal.ts'

const accounts = [
  ...['did:plc:lasting', 'did:plc:hasty'],
  ...['writer0a', 'writer0b', 'writer1a', 'writer1b', 'writer2a', 'writer2b'].map((name) => `did:plc:${name}`),
]

/** Who reads in public, or in a space: lists an account's blobs there and reads one. What was listed is there, or not referenced any more. */
export class Reader implements Worker {
  readonly #blobs: BlobStore
  readonly #journal: Journal
  readonly #random: Random

  constructor(blobs: BlobStore, journal: Journal, random: Random) {
    this.#blobs = blobs
    this.#journal = journal
    this.#random = random
  }

  async turn(): Promise<void> {
    const did = this.#random.pick(accounts)
    const space = this.#random.pick([undefined, friends, work])
    await this.#journal.attempt({ what: 'read' }, async () => {
      const { items } = await (space === undefined ? this.#blobs.listPublic(did) : this.#blobs.listSpace(did, space))
      if (items.length === 0) return
      const cid = this.#random.pick(items)
      try {
        const reading = await this.#blobs.read(did, cid, { space })
        if (cidOfBytes(await reading.bytes()) !== cid) throw new Error(`${cid} has other bytes`)
      } catch (error) {
        if (!isBlobStoreError(error, 'BlobNotFound')) throw error
      }
    })
  }
}
