import { mkdirSync } from 'node:fs'
import { expect, type TestContext, test } from 'vitest'
import { mountTmpfs, newRoot } from '../backend/disk/fixture.ts'
import { FullDisk, type Kind, mountOptions } from '../trials/full-disk/rounds.ts'

// A full disk, 20 times each: see test/trials/full-disk/rounds.ts, and `npm run test:full-disk` for more.
//
// Fails when src/backend/files/file-error.ts or src/metadata/sql-errors.ts does not recognize ENOSPC and SQLITE_FULL;
// when a failed upload keeps its file (src/backend/disk/disk-backend.ts: discard); when src/store/upload/upload.ts
// abandons without releasing the row; when the rollback that SQLite has made by itself hides its error
// (src/metadata/sqlite/sqlite-metadata.ts).

test('a full disk loses nothing, and recovers', (context) => trial(context, 'space'))
test('a disk without inodes loses nothing, and recovers', (context) => trial(context, 'inodes'))

async function trial(context: TestContext, kind: Kind): Promise<void> {
  const disk = newRoot()
  mkdirSync(disk)
  mountTmpfs(context, disk, mountOptions[kind])
  const full = await FullDisk.on(disk, kind, '1')
  try {
    for (let round = 1; round <= 20; round++) await full.round()
    expect(full.acknowledged).toBeGreaterThan(100)
  } finally {
    await full.close()
  }
}
