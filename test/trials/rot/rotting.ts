import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BlobStore, createBlobStore, DiskBackend, isBlobStoreError, sqliteMetadata } from '../../../src/index.ts'
import { Clock } from '../../support/clock.ts'
import type { Random } from '../../support/random.ts'
import { day } from '../../support/samples.ts'

export interface Tally {
  /** Files with one flipped bit, and how many of them a scrub found. */
  flipped: number
  found: number
  /** Files that were unchanged, and how many of them a scrub reported as damaged. */
  clean: number
  falseAlarms: number
}

/** Blobs of a round, of which so many are damaged. */
const blobsOfRound = 1100
const rotten = 100

/**
 * A store on disk in whose files single bits flip: in each round a tenth of the blobs, at any place. A scrub must find
 * all of them and nothing else; a verified read must not return them; an upload of the same bytes must repair them.
 *
 * Fails when src/maintenance/scrub.ts compares sizes only, or repairs without checking.
 */
export class Rotting {
  readonly tally: Tally = { flipped: 0, found: 0, clean: 0, falseAlarms: 0 }
  readonly #random: Random
  readonly #folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-rot-'))
  readonly #clock = new Clock()
  readonly #blobs: BlobStore
  #rounds = 0

  constructor(random: Random) {
    this.#random = random
    this.#blobs = createBlobStore({
      janitor: false,
      backend: new DiskBackend({ root: join(this.#folder, 'blobs'), durability: 'relaxed' }),
      metadata: sqliteMetadata(join(this.#folder, 'blobs.sqlite'), { durability: 'relaxed', now: this.#clock.now }),
      limits: { accept: ['*/*'] },
    })
  }

  /** One round: uploads, flips, scrubs, repairs and scrubs again. Resolves with the number of flips. */
  async round(): Promise<number> {
    this.#rounds += 1
    const did = `did:plc:round${this.#rounds}`
    const contents = Array.from({ length: blobsOfRound }, () => this.#content())
    const cids: string[] = []
    for (const bytes of contents) cids.push((await this.#blobs.upload(did, bytes)).ref.toString())

    const flipped = new Set(this.#random.shuffled(cids).slice(0, rotten))
    this.#flip(flipped)
    this.#count(await this.#scrub(), flipped)
    for (const cid of [...flipped].slice(0, 10)) await this.#expectUnread(did, cid)

    for (const [index, cid] of cids.entries()) {
      if (flipped.has(cid)) await this.#blobs.upload(did, contents[index] as Uint8Array)
    }
    this.#count(await this.#scrub(), new Set())
    await this.#clear(did)
    return rotten
  }

  async remove(): Promise<void> {
    await this.#blobs.close()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 })
  }

  /** Mostly small, so that there are many; no two alike. */
  #content(): Uint8Array {
    const size = this.#random.chance(0.97) ? 16 + this.#random.below(3000) : 100_000 + this.#random.below(200_000)
    const bytes = Buffer.alloc(size, this.#random.below(256))
    for (let at = 0; at < 16; at += 4) bytes.writeUInt32LE(this.#random.below(2 ** 32), at)
    return bytes
  }

  #flip(cids: ReadonlySet<string>): void {
    const entries = readdirSync(join(this.#folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (!entry.isFile() || !cids.has(entry.name.slice(0, entry.name.indexOf('.')))) continue
      const file = join(entry.parentPath, entry.name)
      const bytes = readFileSync(file)
      const at = this.#random.below(bytes.length)
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << this.#random.below(8)), at)
      writeFileSync(file, bytes)
    }
  }

  async #scrub(): Promise<string[]> {
    const { findings, objects } = await this.#blobs.scrub({ olderThan: 0 })
    if (objects !== blobsOfRound) throw new Error(`${objects} objects were examined instead of ${blobsOfRound}`)
    return findings.map(({ cid }) => cid)
  }

  #count(found: readonly string[], flipped: ReadonlySet<string>): void {
    this.tally.flipped += flipped.size
    this.tally.clean += blobsOfRound - flipped.size
    for (const cid of found) {
      if (flipped.has(cid)) this.tally.found += 1
      else this.tally.falseAlarms += 1
    }
  }

  async #expectUnread(did: string, cid: string): Promise<void> {
    try {
      const reading = await this.#blobs.read(did, cid, { as: 'account', verify: true })
      await reading.bytes()
    } catch (error) {
      if (isBlobStoreError(error, 'BlobDamaged')) return
      throw error
    }
    throw new Error(`${cid} was read, and verified, although one of its bits is flipped`)
  }

  async #clear(did: string): Promise<void> {
    await this.#blobs.deleteAccount(did)
    this.#clock.advance(2 * day)
    await this.#blobs.collect({ force: true })
    const { waitingKeys } = await this.#blobs.collect({ force: true })
    if (waitingKeys > 0) throw new Error(`${waitingKeys} keys are left`)
  }
}
