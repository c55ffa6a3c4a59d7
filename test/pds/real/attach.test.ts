import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../../src/index.ts'
import { attachBlobStore, type RunningPds } from '../../../src/pds.ts'
import { adminPassword, describeWithPds, Network, Person } from './network.ts'

type Did = `did:${string}:${string}`

const memory = () => createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') })

describeWithPds('attachBlobStore', () => {
  const network = new Network()

  async function madePds(): Promise<{ pds: RunningPds; close(): Promise<void> }> {
    const { PDS, envToCfg, envToSecrets } = await import('./host-pds.ts')
    const { environment } = await import('../../../examples/pds/pds.ts')
    const env = environment({ dir: await network.folder(), plcUrl: (await network.plc()).url, adminPassword }, 1)
    const pds = await PDS.create(envToCfg(env), envToSecrets(env))
    return { pds, close: () => pds.destroy() }
  }

  test('attachBlobStore finds the PDS’s own class for "not found"', async () => {
    const { pds, close } = await madePds()
    const blobs = memory()
    const { BlobNotFoundError } = await import('./host-classes.ts')
    await using attachment = await attachBlobStore(pds, blobs)
    const missing = attachment.blobstore('did:plc:alice').getBytes(`bafkrei${'a'.repeat(52)}`)
    await expect(missing).rejects.toBeInstanceOf(BlobNotFoundError)
    expect(pds.ctx.blobstore).toBe(attachment.blobstore)
    expect(pds.ctx.actorStore.resources.blobstore).toBe(attachment.blobstore)
    await close()
    await blobs.close()
  })

  test('attachBlobStore refuses a PDS that has one, and names the version of an unknown PDS', async () => {
    const { pds, close } = await madePds()
    const blobs = memory()
    await using _attachment = await attachBlobStore(pds, blobs)
    const other = memory()
    await expect(attachBlobStore(pds, other)).rejects.toThrow('this PDS already has a blob store of pds-blobstore')
    const changed = { ctx: Object.assign(Object.create(pds.ctx), { accountManager: {} }) } as RunningPds
    const version = process.env.PDS_LINE === '0.4' ? '@atproto/pds 0.4.217' : '@atproto/pds 0.5.'
    await expect(attachBlobStore(changed, other)).rejects.toThrow(version)
    await close()
    await blobs.close()
    await other.close()
  })

  test('attachBlobStore refuses a PDS that was started', async () => {
    const running = await network.pds()
    const blobs = memory()
    await expect(attachBlobStore(running.pds, blobs)).rejects.toThrow('this PDS has been started')
    await blobs.close()
  })

  test('attachBlobStore says in plain words what a newer PDS has changed, and changes nothing', async () => {
    const { pds, close } = await madePds()
    const blobs = memory()
    const own = pds.ctx.blobstore
    const changed = (ctx: object) => ({ ctx: Object.assign(Object.create(pds.ctx), ctx) }) as RunningPds
    await expect(attachBlobStore(changed({ actorStore: { resources: {} } }), blobs)).rejects.toThrow(
      /not built as @atproto\/pds 0\.4\.2xx and 0\.5 are: it has no ctx\.actorStore\.resources\.blobstore, .*Nothing was changed/,
    )
    const frozen = { ...pds.ctx.actorStore, resources: Object.freeze({ ...pds.ctx.actorStore.resources }) }
    Object.setPrototypeOf(frozen, Object.getPrototypeOf(pds.ctx.actorStore))
    await expect(attachBlobStore(changed({ actorStore: frozen }), blobs)).rejects.toThrow('keeps its own blob store')
    expect(blobs.hooks.referenced).toBeUndefined()
    expect(pds.ctx.blobstore).toBe(own)
    await close()
    await blobs.close()
  })

  test.each([
    [
      'queries are run otherwise',
      (db: object) => ({ connection: () => ({ execute: (run: (one: object) => void) => run(db) }) }),
    ],
    [
      'its tables are others',
      () => ({ connection: () => ({ execute: async () => Promise.reject(new Error('no such table: blob')) }) }),
    ],
  ])('attachBlobStore refuses a PDS whose answers it does not understand: %s', async (_what, make) => {
    const { pds, close } = await madePds()
    const blobs = memory()
    const own = pds.ctx.blobstore
    const { actorStore } = pds.ctx
    const changed = Object.assign(Object.create(actorStore), {
      openDb: async () => ({ db: make({}), close() {} }),
    })
    const other = { ctx: Object.assign(Object.create(pds.ctx), { actorStore: changed }) } as RunningPds
    await expect(attachBlobStore(other, blobs)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('it does not answer what is asked of it'),
    })
    expect(blobs.hooks.referenced).toBeUndefined()
    expect(pds.ctx.blobstore).toBe(own)
    await close()
    await blobs.close()
  })

  test('an attached store keeps what it cannot ask about: an account whose database is absent', async () => {
    const pds = await network.pds({ times: { grace: 0, deleteDelay: 0 } })
    const alice = await new Person(pds.url).signUp()
    const bytes = randomBytes(100)
    const { rename } = await import('node:fs/promises')
    const blob = await alice.upload(bytes)
    await alice.write(blob)
    const { dbLocation } = await pds.pds.ctx.actorStore.getLocation(alice.did as Did)
    await rename(dbLocation, join(pds.dir, 'away'))
    await pds.attachment
      ?.blobstore(alice.did)
      .delete(blob.ref)
      .catch(() => {})
    expect(await pds.attachment?.reconcile()).toMatchObject({ unknown: 1, released: 0 })
    await pds.blobs.collect()
    await rename(join(pds.dir, 'away'), dbLocation)
    expect((await alice.read(blob))?.equals(bytes)).toBe(true)
  })

  test('an attached store waits for a transaction of the PDS before it takes an answer as final', async () => {
    const pds = await network.pds()
    const alice = await new Person(pds.url).signUp()
    const blob = await alice.upload(randomBytes(100))
    const rkey = await alice.write(blob)
    await alice.read(blob)
    // Whatever it writes: another answer may be right when it ends.
    let deleting: Promise<void> | undefined
    await pds.pds.ctx.actorStore.transact(alice.did as Did, async (store) => {
      await store.repo.db.db.updateTable('blob').set({ takedownRef: null }).execute()
      deleting = pds.attachment?.blobstore(alice.did).delete(blob.ref)
      const first = await Promise.race([deleting, new Promise((resolve) => setTimeout(resolve, 500, 'still waiting'))])
      expect(first).toBe('still waiting')
    })
    await deleting
    expect(await alice.read(blob)).not.toBeNull()
    await alice.erase(rkey)
  })
})
