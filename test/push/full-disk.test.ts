import { mkdirSync } from 'node:fs'
import { expect, type TestContext, test } from 'vitest'
import { mountTmpfs, newRoot } from '../backend/disk/fixture.ts'
import { type Filling, SmallDisk } from '../power/small-disk.ts'
import { Clock } from '../support/clock.ts'
import type { Random } from '../support/random.ts'

// A store and its database on a small disk that is filled by uploads, FULL_DISK_ROUNDS times (20): what is refused has
// a typed error, reading goes on, what was acknowledged stays, and with space all of it works again and all of it goes.
//
// Goes red when src/backend/files/file-error.ts or src/metadata/sql-errors.ts does not know ENOSPC and SQLITE_FULL; when
// a failed upload keeps its file (src/backend/disk/disk-backend.ts: discard); when src/store/upload.ts abandons without
// releasing the row; when the rollback that SQLite has made by itself hides its error (src/metadata/sqlite-metadata.ts).

const rounds = Number(process.env.FULL_DISK_ROUNDS ?? 20)

const space: Filling = {
  content: (random) => filled(random, random.weighted({ '3000': 6, '300000': 4, '1500000': 1 })),
  ballast: { files: 1, size: 5 * 1024 * 1024 },
  stopsDatabase: true,
}

// Of few contents, so that there are few shards: these stay.
const inodes: Filling = {
  content: (random) => new Uint8Array(100).fill(random.below(80)),
  ballast: { files: 80, size: 1 },
  stopsDatabase: false,
}

// Inodes enough for every shard: a shard stays when it is empty.
test('a full disk loses nothing, and recovers', (context) => trial(context, space, 'size=16m,nr_inodes=2000'))
test('a disk without inodes loses nothing, and recovers', (context) => trial(context, inodes, 'size=16m,nr_inodes=500'))

async function trial(context: TestContext, filling: Filling, size: string): Promise<void> {
  const disk = newRoot()
  mkdirSync(disk)
  mountTmpfs(context, disk, `${size},mode=700`)
  const clock = new Clock()
  const small = new SmallDisk(disk, filling, clock, `${filling.ballast.files}`)
  try {
    await small.blobs.ready()
    for (let round = 1; round <= rounds; round++) {
      const refused = small.refused
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
  } finally {
    await small.blobs.close()
  }
}

function filled(random: Random, most: string): Uint8Array {
  return new Uint8Array(1 + random.below(Number(most))).fill(random.below(256))
}
