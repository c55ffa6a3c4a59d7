import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { toXrpcError } from '../../src/http/error-table.ts'
import { createBlobStore, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { PostgresPair } from '../servers/postgres-pair.ts'
import { alice, bob, bytes, nextRev, post, text, uriOf } from '../support/samples.ts'

/** An address that leads to the one server or the other, as that of a service does. */
async function address(ports: readonly number[]): Promise<{ port: number; leadTo(at: number): void }> {
  let to = 0
  const server = createServer((client) => {
    const inner = connect(ports[to] as number, '127.0.0.1')
    client.pipe(inner).pipe(client)
    for (const [one, other] of [
      [client, inner],
      [inner, client],
    ] as const) {
      one.on('error', () => {}).on('close', () => other.destroy())
    }
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    leadTo(at) {
      to = at
    },
  }
}

// Fails when SQLSTATE 25006, or 0A000 of BEGIN, is an error like any other: a client gets 500, and gives up.
test('while the primary is down and its standby not promoted, uploads fail as transient; then everything continues by itself', async () => {
  const pair = await PostgresPair.start()
  onTestFinished(() => pair[Symbol.asyncDispose]())
  const { port, leadTo } = await address(pair.ports)
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 4 })
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) })
  onTestFinished(() => db.destroy())
  const backend = new MemoryBackend()
  const metadata = kyselyMetadata(db, { durability: 'relaxed' })
  const blobs = createBlobStore({ backend, metadata, limits: { accept: ['*/*'] } })
  onTestFinished(() => blobs.close())
  const ref = await blobs.upload(alice, bytes('before'))
  await post(blobs, alice, 'a', ref)
  await pair.caughtUp()

  const refused = async (size: number) => {
    const error = await blobs.upload(bob, Buffer.alloc(size, 1)).then(
      () => expect.unreachable('nobody can have taken it'),
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'MetadataFailed', transient: true })
    expect(toXrpcError(error)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
  }
  const write = { action: 'create', uri: uriOf(alice, 'b'), record: { ref } } as const
  const inHostsTransaction = () =>
    db.transaction().execute((trx) => blobs.applyWrites(alice, [write], { rev: nextRev(), trx }))

  await pair.killPrimary()
  await refused(10)
  leadTo(1)
  // Each of the connections has met the standby, and stays in the pool.
  for (let round = 0; round < 5; round++) await Promise.all([refused(10), refused(2_000_000), refused(10), refused(10)])
  await expect(inHostsTransaction()).rejects.toMatchObject({ code: 'MetadataFailed', transient: true })
  expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('before')
  const other = createBlobStore({ backend, metadata: kyselyMetadata(db, { durability: 'relaxed' }) })
  await expect(other.ready()).rejects.toMatchObject({ code: 'MetadataFailed', transient: true })

  await pair.promote()
  await blobs.upload(bob, Buffer.alloc(2_000_000, 1))
  await inHostsTransaction()
  await other.close()
  expect(await blobs.usage(bob)).toMatchObject({ count: 1, reserved: 0 })
  await blobs.collect()
  expect((await backend.list()).keys).toHaveLength(2)
  expect(await blobs.sweep()).toMatchObject({ orphans: 0 })
})
