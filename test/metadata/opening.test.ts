import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { hostPlace, temporaryFolder } from '../support/places.ts'
import { alice, bytes } from '../support/samples.ts'

test('a store that is first used inside a transaction of the host says so, and opens afterwards', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  await db?.transaction().execute(async (trx) => {
    await expect(blobs.usage(alice, { trx })).rejects.toMatchObject({
      code: 'MetadataBusy',
      message: expect.stringContaining('ready()'),
    })
  })
  expect((await blobs.upload(alice, bytes('x'))).size).toBe(1)
})

test('tables of a newer version are left alone', async () => {
  const file = join(temporaryFolder(), 'blobs.sqlite')
  const open = (migrate: 'auto' | 'check') =>
    createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(file, { migrate }) })
  const first = open('auto')
  await first.ready()
  await first.close()
  const database = new Database(file)
  database.prepare("INSERT INTO blobstore_migration VALUES ('999', '2030-01-01')").run()
  database.close()
  for (const mode of ['auto', 'check'] as const) {
    await expect(open(mode).ready()).rejects.toMatchObject({
      code: 'MetadataOutdated',
      message: expect.stringContaining('newer version'),
    })
  }
})
