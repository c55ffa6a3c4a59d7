import { type DatabaseConnection, type Driver, PostgresDialect, sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { alice, bytes } from '../support/samples.ts'

/** A server that is busy for longer than `query_timeout`, so that the first attempts to roll back do not reach it. */
class LateRollback extends PostgresDialect {
  override createDriver(): Driver {
    const driver = super.createDriver()
    const acquire = driver.acquireConnection.bind(driver)
    const refusing = new WeakSet<DatabaseConnection>()
    let refused = 0
    driver.acquireConnection = async () => {
      const connection = await acquire()
      if (refusing.has(connection)) return connection
      refusing.add(connection)
      const execute = connection.executeQuery.bind(connection)
      connection.executeQuery = (query, ...rest) =>
        query.sql === 'rollback' && refused++ < 3
          ? Promise.reject(new Error('Query read timeout'))
          : execute(query, ...rest)
      return connection
    }
    return driver
  }
}

// Fails when `rollBack` tries once: then the host's next query runs in the store's transaction, which has failed.
test('a connection whose rollback failed does not return to the pool inside its transaction', async () => {
  const schema = new PostgresSchema()
  onTestFinished(() => schema.drop())
  const db = schema.open({ max: 1 }, LateRollback)
  const metadata = kyselyMetadata(db, { durability: 'relaxed' })
  const blobs = createBlobStore({ backend: new MemoryBackend(), metadata, limits: { accept: ['*/*'] } })
  onTestFinished(() => blobs.close())
  await blobs.upload(alice, bytes('before'))
  await sql`alter table blobstore_content rename to elsewhere`.execute(db)
  await expect(blobs.upload(alice, bytes('refused'))).rejects.toMatchObject({ code: 'MetadataFailed' })
  await sql`alter table elsewhere rename to blobstore_content`.execute(db)
  await blobs.upload(alice, bytes('after'))
  expect(await blobs.usage(alice)).toMatchObject({ count: 2, reserved: 0 })
})
