import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect } from 'vitest'
import {
  type BlobRef,
  type BlobStore,
  cidOfBytes,
  createBlobStore,
  DiskBackend,
  isBlobStoreError,
  sqliteMetadata,
} from '../../../src/index.ts'
import type { Clock } from '../../support/clock.ts'
import { closeEntries, isOfEntry } from '../../support/entries.ts'
import { Random } from '../../support/random.ts'
import { alice, day, post, unpost } from '../../support/samples.ts'
import { factsOf } from '../power/facts.ts'

/** What makes the disk full, and what frees it. */
export interface Filling {
  content: (random: Random) => Uint8Array
  /** So many files of so many bytes. */
  ballast: { files: number; size: number }
  /** Whether the database finds no space either: then not even an upload's row can be removed. */
  stopsDatabase: boolean
}

/** A store and its database on a disk that is filled, again and again. */
export class SmallDisk {
  readonly blobs: BlobStore
  readonly #disk: string
  readonly #filling: Filling
  readonly #clock: Clock
  readonly #random: Random
  readonly #held = new Map<string, BlobRef>()
  readonly #posts = new Map<string, BlobRef>()
  /** Calls refused for lack of space. */
  refused = 0
  acknowledged = 0

  constructor(disk: string, filling: Filling, clock: Clock, seed: string) {
    this.#disk = disk
    this.#filling = filling
    this.#clock = clock
    this.#random = new Random(seed)
    this.blobs = createBlobStore({
      janitor: false,
      backend: new DiskBackend({ root: join(disk, 'blobs'), minFree: { bytes: 0, inodes: 0 } }),
      metadata: sqliteMetadata(join(disk, 'pds.sqlite'), { now: clock.now }),
      limits: { accept: ['*/*'] },
    })
  }

  layBallast(): void {
    const { files, size } = this.#filling.ballast
    mkdirSync(join(this.#disk, 'ballast'))
    for (let n = 0; n < files; n++) writeFileSync(join(this.#disk, 'ballast', String(n)), new Uint8Array(size))
  }

  dropBallast(): void {
    rmSync(join(this.#disk, 'ballast'), { recursive: true })
  }

  /** Until not even the smallest fits, some times in a row. */
  async fill(): Promise<void> {
    for (let failures = 0; failures < 6; ) {
      const bytes = failures < 3 ? this.#filling.content(this.#random) : new Uint8Array([failures])
      const ref = await this.#orFull(this.blobs.upload(alice, source(bytes)))
      if (ref) this.#hold(ref)
      else failures += 1
      if (ref && this.#random.chance(0.1)) await this.refer(ref)
    }
  }

  /** What was refused has left nothing, even without collecting. */
  expectNothingBegun(): void {
    const { spools, leftovers } = factsOf(this.#place)
    expect(spools, 'spools').toEqual([])
    const begun = leftovers.filter((what) => what.startsWith('uploads that are never over'))
    if (!this.#filling.stopsDatabase) expect(begun).toEqual([])
  }

  /** Everything works again: every call succeeds. */
  async serve(): Promise<void> {
    for (let n = 0; n < 5; n++) {
      const ref = await this.blobs.upload(alice, source(this.#filling.content(this.#random)))
      this.#hold(ref)
      const rkey = this.#rkey()
      await post(this.blobs, alice, rkey, ref)
      this.#posts.set(rkey, ref)
    }
  }

  /** Continues, or is refused with its error; then nothing has changed. */
  async refer(ref: BlobRef | undefined = this.#random.pick([...this.#held.values()])): Promise<void> {
    const rkey = this.#rkey()
    const done = post(this.blobs, alice, rkey, ref).then(() => true)
    if (ref && (await this.#orFull(done))) this.#posts.set(rkey, ref)
  }

  /** Deleting works on a full disk, or is refused with its error and loses nothing. */
  async tryToCollect(): Promise<void> {
    await this.#orFull(this.blobs.collect().then(() => true))
  }

  async expectAll(): Promise<void> {
    for (const { ref } of this.#held.values()) await this.#expectBytes(ref.toString(), 'account')
    for (const { ref } of this.#posts.values()) await this.#expectBytes(ref.toString(), 'public')
    const { refs } = factsOf(this.#place)
    const named = [...refs].map(([uri, cids]) => [uri.slice(uri.lastIndexOf('/') + 1), cids])
    const expected = [...this.#posts].map(([rkey, { ref }]) => [rkey, [ref.toString()]])
    expect(Object.fromEntries(named), 'what the records name').toEqual(Object.fromEntries(expected))
  }

  /** Deletes all records, and everything is deleted. */
  async empty(): Promise<void> {
    for (const rkey of this.#posts.keys()) await unpost(this.blobs, alice, rkey)
    this.#posts.clear()
    this.#held.clear()
    const spools = join(this.#disk, 'blobs', 'spool')
    for (const name of readdirSync(spools)) utimesSync(join(spools, name), 0, 0)
    const database = new Database(this.#place.database)
    closeEntries(database)
    database.close()
    for (let round = 0; round < 3; round++) {
      this.#clock.advance(2 * day)
      await this.blobs.collect({ force: true })
      const { files, keys } = factsOf(this.#place)
      expect(
        files.filter((file) => !keys.has(file) && !isOfEntry(file)),
        'bytes that no row named',
      ).toEqual([])
      await this.blobs.sweep()
    }
    const { files, live, spools: left, leftovers } = factsOf(this.#place)
    expect({ files, live: [...live], left, leftovers }).toEqual({ files: [], live: [], left: [], leftovers: [] })
  }

  get #place(): { root: string; database: string } {
    return { root: join(this.#disk, 'blobs'), database: join(this.#disk, 'pds.sqlite') }
  }

  #hold(ref: BlobRef): void {
    this.acknowledged += 1
    this.#held.set(ref.ref.toString(), ref)
  }

  #rkey(): string {
    return String(this.#random.below(20))
  }

  async #orFull<T>(work: Promise<T>): Promise<T | null> {
    try {
      return await work
    } catch (error) {
      if (!isBlobStoreError(error, 'StorageFull')) throw error
      this.refused += 1
      return null
    }
  }

  async #expectBytes(cid: string, as: 'public' | 'account'): Promise<void> {
    const reading = await this.blobs.read(alice, cid, { as })
    expect(cidOfBytes(await reading.bytes())).toBe(cid)
  }
}

/** Above 1 MiB they go to a spool. */
async function* source(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 200_000) yield bytes.subarray(at, at + 200_000)
}
