import { type BlobRef, type BlobStore, isBlobStoreError } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import { chunks } from '../../support/samples.ts'
import type { Journal } from './journal.ts'

/** Few, so that records change the blob that they reference. */
const recordsOfLane = 8

/** One account's work, one operation after the other: each is recorded when it was acknowledged. */
export class Lane {
  readonly #blobs: BlobStore
  readonly #journal: Journal
  readonly #random: Random
  readonly #did: string
  readonly #uploaded: BlobRef[] = []

  constructor(blobs: BlobStore, journal: Journal, random: Random, did: string) {
    this.#blobs = blobs
    this.#journal = journal
    this.#random = random
    this.#did = did
  }

  async run(more: () => boolean, acknowledged: () => void): Promise<void> {
    while (more()) {
      const deed = this.#random.weighted({ small: 8, shared: 2, spooled: 1, reference: 6, dereference: 3 })
      if (deed === 'reference') await this.#write(this.#random.pick(this.#uploaded.slice(-4)))
      else if (deed === 'dereference') await this.#write(undefined)
      else await this.#upload(this.#source(deed))
      acknowledged()
    }
  }

  async #upload(source: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    const ref = await unlessBusy(this.#blobs.upload(this.#did, source))
    if (ref === null) return
    this.#journal.write({ uploaded: ref.ref.toString(), did: this.#did })
    this.#uploaded.push(ref)
  }

  #source(kind: 'small' | 'shared' | 'spooled'): Uint8Array | AsyncIterable<Uint8Array> {
    if (kind === 'spooled') return chunks(2, 550_000 + this.#random.below(100_000), this.#random.below(256))
    // Content that all accounts have.
    if (kind === 'shared') return new Uint8Array(10_000).fill(this.#random.below(5))
    const bytes = new Uint8Array(1 + this.#random.below(30_000)).fill(this.#random.below(256))
    return bytes
  }

  /** A record references this blob, or no longer any. */
  async #write(ref: BlobRef | undefined): Promise<void> {
    const uri = `at://${this.#did}/app.bsky.feed.post/${this.#random.below(recordsOfLane)}`
    this.#journal.write({ writing: uri, did: this.#did, cid: ref?.ref.toString() ?? null })
    const write = ref ? ({ action: 'update', uri, record: { ref } } as const) : ({ action: 'delete', uri } as const)
    try {
      await this.#blobs.applyWrites(this.#did, [write], { rev: nextRev() })
      this.#journal.write({ written: uri })
    } catch (error) {
      // If blobs do not wait for their record, it may come too late.
      if (!isBlobStoreError(error, 'BlobNotFound') && !isBlobStoreError(error, 'MetadataBusy')) throw error
      this.#journal.write({ refused: uri })
    }
  }
}

/** Null if others stayed in the way for too long, as on a machine under load: then nothing was done. */
export async function unlessBusy<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (!isBlobStoreError(error, 'MetadataBusy')) throw error
    return null
  }
}

let lastRev = 0
/** Later than those of all processes before. */
function nextRev(): string {
  lastRev = Math.max(lastRev + 1, Date.now() * 1000)
  const digits = '234567abcdefghijklmnopqrstuvwxyz'
  let [text, rest] = ['', lastRev]
  for (let place = 0; place < 12; place++) {
    text = digits[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return `3${text}`
}
