import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobRef, type BlobStore, createBlobStore, DiskBackend, sqliteMetadata } from '../../../src/index.ts'
import { Clock } from '../../support/clock.ts'
import type { Random } from '../../support/random.ts'
import { day, post, unpost } from '../../support/samples.ts'
import { factsOf } from '../power/facts.ts'

const stores = 4

/**
 * Many accounts upload the same bytes at once, through several stores on the same files: some twice and some once. One
 * copy is live, every account has it, and it is deleted when nothing needs it.
 *
 * Fails when src/metadata/queries/upload-steps.ts replaces content without comparing the key, or does not doom its own
 * copy; when collecting deletes content that another account has.
 */
export class Crowd {
  uploads = 0
  readonly #random: Random
  readonly #folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-crowd-'))
  readonly #clock = new Clock()
  readonly #stores: readonly BlobStore[]
  #rounds = 0

  constructor(random: Random, most: number) {
    this.#random = random
    this.#stores = Array.from({ length: stores }, () =>
      createBlobStore({
        janitor: false,
        backend: new DiskBackend({ root: join(this.#folder, 'blobs'), durability: 'relaxed' }),
        metadata: sqliteMetadata(join(this.#folder, 'pds.sqlite'), { durability: 'relaxed', now: this.#clock.now }),
        limits: { accept: ['*/*'], uploads: { account: most, total: most } },
      }),
    )
  }

  /** @throws if there is not exactly one copy as long as an account needs it, or anything afterwards */
  async round(uploads: number): Promise<void> {
    this.#rounds += 1
    const bytes = Buffer.alloc(16 + this.#random.below(50_000), `round ${this.#rounds} `)
    const accounts = Array.from({ length: Math.ceil(uploads / 2) }, (_, index) => `did:plc:one${index}`)
    const accountOf = (index: number): string => accounts[index % accounts.length] as string
    const refs = await Promise.all(Array.from({ length: uploads }, (_, n) => this.#any.upload(accountOf(n), bytes)))
    this.uploads += uploads
    this.#expectCopies(1, 'after the uploads')
    for (const did of accounts) await this.#expectUsage(did, bytes.length)

    const posters = this.#random.shuffled(accounts).slice(0, 20)
    for (const did of posters) await post(this.#any, did, 'a', refs[0] as BlobRef)
    await this.#collect()
    this.#expectCopies(1, 'while records reference it')
    for (const did of posters) {
      const reading = await this.#any.read(did, (refs[0] as BlobRef).ref, { verify: true })
      if (!bytes.equals(await reading.bytes())) throw new Error(`${did} reads other bytes`)
    }
    for (const did of posters) await unpost(this.#any, did, 'a')
    await this.#collect()
    this.#expectCopies(0, 'when nothing needs it')
    const { leftovers } = this.#facts
    if (leftovers.length > 0) throw new Error(leftovers.join('\n'))
  }

  async remove(): Promise<void> {
    for (const blobs of this.#stores) await blobs.close()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  get #any(): BlobStore {
    return this.#random.pick(this.#stores)
  }

  get #facts() {
    return factsOf({ root: join(this.#folder, 'blobs'), database: join(this.#folder, 'pds.sqlite') })
  }

  /** Every grace and delay ends, and several collect at once. */
  async #collect(): Promise<void> {
    for (let round = 0; round < 2; round++) {
      this.#clock.advance(2 * day)
      await Promise.all(this.#stores.map((blobs) => blobs.collect({ force: true })))
    }
  }

  #expectCopies(count: number, when: string): void {
    const { live, files } = this.#facts
    if (live.size !== count) throw new Error(`${live.size} live copies ${when}`)
    for (const key of live) if (!files.includes(key)) throw new Error(`the live copy has no file ${when}`)
    if (when !== 'after the uploads' && files.length !== count) throw new Error(`${files.length} files ${when}`)
  }

  async #expectUsage(did: string, size: number): Promise<void> {
    const { bytes, count, reserved } = await this.#any.usage(did)
    if (bytes !== size || count !== 1 || reserved !== 0) throw new Error(`${did} has ${count} of ${bytes}, ${reserved}`)
  }
}
