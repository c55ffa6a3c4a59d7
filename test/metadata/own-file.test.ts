import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { bytes } from '../support/samples.ts'

// The store's own SQLite file. Fails when SQLite itself waits long for a lock, which holds the event loop.

const alice = 'did:plc:alice'

test('a lock that another holds keeps writers waiting, but neither readers nor the event loop', async () => {
  const file = join(temporaryFolder(), 'blobs.sqlite')
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(file),
    limits: { accept: ['*/*'] },
  })
  onTestFinished(() => blobs.close())
  const { ref } = await blobs.upload(alice, bytes('before'))
  // As another process would; SQLite locks each connection of one process against the others likewise.
  const other = new Database(file)
  onTestFinished(() => void other.close())
  other.exec('begin immediate')
  const lags: number[] = []
  let last = performance.now()
  let stored = false
  const upload = blobs.upload(alice, bytes('meanwhile')).then(() => (stored = true))
  for (let turns = 0; turns < 50; turns++) {
    await setImmediate()
    lags.push(performance.now() - last)
    last = performance.now()
    expect(await blobs.stat(alice, ref, { as: 'account' })).toMatchObject({ size: 6 })
  }
  expect(stored).toBe(false)
  // Left alone, better-sqlite3 holds the loop for 5 s; a machine with other work stops any process for a while.
  expect(Math.max(...lags)).toBeLessThan(4000)
  other.exec('rollback')
  await upload
  expect(await blobs.usage(alice)).toMatchObject({ count: 2, reserved: 0 })
})
