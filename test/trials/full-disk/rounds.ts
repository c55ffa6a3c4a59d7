import { mkdirSync } from 'node:fs'
import { expect } from 'vitest'
import { Clock } from '../../support/clock.ts'
import type { Random } from '../../support/random.ts'
import { type Filling, SmallDisk } from './small-disk.ts'

/** What a disk has too little of, and how it is mounted. */
export const kinds = ['space', 'inodes'] as const
export type Kind = (typeof kinds)[number]

// Enough inodes for every shard, because an empty shard stays. Where inodes are scarce there are few contents, and so
// few shards.
export const mountOptions: Record<Kind, string> = {
  space: 'size=16m,nr_inodes=2000,mode=700',
  inodes: 'size=16m,nr_inodes=500,mode=700',
}

const fillings: Record<Kind, Filling> = {
  space: {
    content: (random) => filled(random, random.weighted({ '3000': 6, '300000': 4, '1500000': 1 })),
    ballast: { files: 1, size: 5 * 1024 * 1024 },
    stopsDatabase: true,
  },
  inodes: {
    content: (random) => new Uint8Array(100).fill(random.below(80)),
    ballast: { files: 80, size: 1 },
    stopsDatabase: false,
  },
}

function filled(random: Random, most: string): Uint8Array {
  return new Uint8Array(1 + random.below(Number(most))).fill(random.below(256))
}

/**
 * A store and its database on a small disk that is filled by uploads: what is refused has a typed error, reading
 * continues, what was acknowledged stays, and with free space everything works again and can be deleted.
 */
export class FullDisk {
  readonly #small: SmallDisk

  private constructor(small: SmallDisk) {
    this.#small = small
  }

  /** On an empty disk that is mounted there already. */
  static async on(disk: string, kind: Kind, seed: string): Promise<FullDisk> {
    mkdirSync(disk, { recursive: true })
    const small = new SmallDisk(disk, fillings[kind], new Clock(), seed)
    await small.blobs.ready()
    return new FullDisk(small)
  }

  get refused(): number {
    return this.#small.refused
  }

  get acknowledged(): number {
    return this.#small.acknowledged
  }

  /** Fills it once, and empties it. @throws if something is lost, left, or reported wrongly */
  async round(): Promise<void> {
    const small = this.#small
    const { refused } = small
    small.layBallast()
    await small.fill()
    expect(small.refused, 'refusals').toBeGreaterThan(refused)
    small.expectNothingBegun()
    await small.expectAll()
    for (let n = 0; n < 5; n++) await small.refer()
    await small.tryToCollect()
    await small.expectAll()
    small.dropBallast()
    await small.serve()
    await small.expectAll()
    await small.empty()
  }

  async close(): Promise<void> {
    await this.#small.blobs.close()
  }
}
