import {
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { type AskOptions, type PdsBlobStoreFactory, pdsBlobStore, type Standing } from '../../src/pds.ts'
import { Clock } from '../support/places.ts'

/** The PDS's own class, which it tests with `instanceof`. */
export class BlobNotFoundError extends Error {}

/** A host whose table `blob` is in memory: its answers about blobs, and the questions that it got. */
export class FakePds {
  readonly rows = new Map<string, Standing>()
  readonly asked: { did: string; cids: readonly string[]; final: boolean }[] = []
  readonly deleted = new Set<string>()
  /** Called between the question and its answer. */
  meanwhile: (() => Promise<void>) | undefined
  /** While true, the database of an account cannot be read. */
  broken = false
  readonly clock = new Clock()
  readonly blobs: BlobStore
  readonly blobstore: PdsBlobStoreFactory

  constructor(options: Partial<BlobStoreOptions> = {}, more: { limits?: 'pds' | 'store' } = {}) {
    this.blobs = createBlobStore({
      backend: new MemoryBackend(),
      metadata: sqliteMetadata(':memory:', { now: this.clock.now }),
      ...options,
    })
    this.blobstore = pdsBlobStore(this.blobs, { BlobNotFoundError, ...this.host, ...more })
  }

  readonly host = {
    referenced: async (did: string, cids: readonly string[], { final }: AskOptions) => {
      this.asked.push({ did, cids, final })
      if (this.broken) throw new Error('the database is locked')
      const answer = new Map([...this.rows].filter(([cid]) => cids.includes(cid)))
      const meanwhile = this.meanwhile
      this.meanwhile = undefined
      await meanwhile?.()
      return answer
    },
    isDeleted: async (did: string) => this.deleted.has(did),
  }

  /** The end of a grace period, and of a delete delay: what nothing needs is deleted. */
  async collectAll(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      this.clock.advance(49 * 3_600_000)
      await this.blobs.collect()
    }
  }
}
