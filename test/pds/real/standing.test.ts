import { randomBytes } from 'node:crypto'
import type { BlobRef } from '@atproto/api'
import { expect, test } from 'vitest'
import type { RunningPds } from '../../../examples/pds/pds.ts'
import { run } from '../../../src/pds/actor-rows.ts'
import type { RunningPds as AnyPds } from '../../../src/pds.ts'
import { collectAll, describeWithPds, Network, Person } from './network.ts'

const space = 'at://did:plc:44ybard66vv44zksje25o7dz/space/com.example.forum/self'

describeWithPds('of what the account’s database says', () => {
  const network = new Network()

  async function inDatabase({ pds }: RunningPds, { did }: Person, ...statements: [string, unknown[]][]): Promise<void> {
    const database = await (pds as AnyPds).ctx.actorStore.openDb(did)
    await database.db.connection().execute(async (one) => {
      for (const [sql, parameters] of statements) await run(one, sql, parameters)
    })
    database.close()
  }

  /** The tables of the PDS branch with permissioned spaces. */
  async function postInSpace(pds: RunningPds, person: Person, blob: BlobRef): Promise<void> {
    const table = 'create table if not exists space_record_blob (blobCid varchar not null, recordUri varchar not null)'
    const row = 'insert into space_record_blob values (?, ?)'
    const uri = `${space}/${person.did}/com.example.post/1`
    await inDatabase(pds, person, [table, []], [row, [blob.ref.toString(), uri]])
  }

  test.each([
    ['temporary', []],
    ['permanent', ['update blob set tempKey = null']],
  ])('a blob that only a space’s table names, %s in table blob, is kept and not shown', async (_, change) => {
    const pds = await network.pds({ times: { grace: 200, deleteDelay: 0 } })
    const alice = await new Person(pds.url).signUp()
    const bytes = randomBytes(100)
    const blob = await alice.upload(bytes)
    await postInSpace(pds, alice, blob)
    await inDatabase(pds, alice, ...change.map((sql): [string, unknown[]] => [sql, []]))
    expect(await alice.read(blob)).toBeNull()
    await collectAll(pds)
    expect(await alice.read(blob)).toBeNull()
    expect(await pds.blobs.stat(alice.did, blob.ref.toString())).toBeNull()
    expect(await pds.blobs.stat(alice.did, blob.ref.toString(), { as: 'account' })).toMatchObject({ referenced: true })
    // A public record names it, too.
    await alice.write(blob)
    expect((await alice.read(blob))?.equals(bytes)).toBe(true)
  })

  test('the store never shows a blob that was taken down', async () => {
    const pds = await network.pds({ times: { grace: 200, deleteDelay: 0 } })
    const alice = await new Person(pds.url).signUp()
    const bytes = randomBytes(100)
    const blob = await alice.upload(bytes)
    await alice.write(blob)
    await alice.takedown(blob, true)
    const blobstore = pds.attachment?.blobstore(alice.did)
    expect(await blobstore?.hasStored(blob.ref)).toBe(false)
    await collectAll(pds)
    expect(await pds.blobs.stat(alice.did, blob.ref.toString())).toBeNull()
    await alice.takedown(blob, false)
    expect((await alice.read(blob))?.equals(bytes)).toBe(true)
  })

  test('a blob of a record whose write failed is not shown after a takedown and its reversal', async () => {
    const pds = await network.pds()
    const alice = await new Person(pds.url).signUp()
    const [good, other] = [await alice.upload(randomBytes(100)), await alice.upload(randomBytes(100))]
    const wrong = Object.assign(Object.create(Object.getPrototypeOf(other)), other, { mimeType: 'image/png' })
    wrong.original = { ...other.original, mimeType: 'image/png' }
    await expect(alice.write(good, wrong)).rejects.toThrow()
    await alice.takedown(good, true)
    await alice.takedown(good, false)
    expect(await alice.read(good)).toBeNull()
    expect(await pds.blobs.stat(alice.did, good.ref.toString())).toBeNull()
    await alice.write(good)
    expect(await alice.read(good)).not.toBeNull()
  })
})
