import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type BlobRef, type BlobStore, cidOfBytes } from '../../src/index.ts'
import { Gate, heldBack } from '../support/meddling.ts'
import { hostPlace, places } from '../support/places.ts'
import { alice, bob, bytes, day, nextRev, post, text, unpost, uriOf } from '../support/samples.ts'

describe.each(places)('a deleted account in $name', ({ make }) => {
  test('has nothing any more', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const ref = await populate(blobs, alice)
    await blobs.deleteAccount(alice)
    for (const as of ['public', 'account', 'moderator'] as const) {
      expect(await blobs.stat(alice, ref.ref, { as })).toBeNull()
      await expect(blobs.read(alice, ref.ref, { as })).rejects.toMatchObject({ code: 'BlobNotFound' })
    }
    expect(await blobs.listPublic(alice)).toEqual({ items: [] })
    expect(await blobs.listAll(alice)).toEqual({ items: [] })
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([])
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })

    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys, 'bytes').toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    expect(await blobs.sweep()).toMatchObject({ keys: 0, orphans: 0 })
  })

  test('takes nothing from accounts that have the same blobs', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const ofAlice = await populate(blobs, alice)
    const ofBob = await populate(blobs, bob)
    expect(ofAlice.ref.toString()).toBe(ofBob.ref.toString())
    await blobs.deleteAccount(alice)
    for (let round = 0; round < 3; round++) {
      clock.advance(2 * day)
      await blobs.collect()
      expect(await text((await blobs.read(bob, ofBob.ref)).body)).toBe('permanent')
    }
    expect((await backend().list()).keys).toHaveLength(1)
    expect(await blobs.usage(bob)).toEqual({ bytes: 9, count: 1, reserved: 0, pending: 0 })
    expect(await blobs.importProgress(bob)).toEqual({ expected: 2, imported: 1 })
    await blobs.upload(bob, bytes('still welcome'))
  })

  test('refuses uploads', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const ref = await populate(blobs, alice)
    await blobs.deleteAccount(alice)
    const deleted = { code: 'AccountDeleted', did: alice }
    await expect(blobs.upload(alice, bytes('late'))).rejects.toMatchObject(deleted)
    await expect(blobs.upload(alice, new Uint8Array(2_000_000))).rejects.toMatchObject(deleted)
    await expect(post(blobs, alice, 'late', ref)).rejects.toMatchObject({ code: 'AccountDeleted' })
    const writes = [{ action: 'create', uri: uriOf(alice, 'import'), record: { ref } }] as const
    const imported = blobs.applyWrites(alice, writes, { rev: nextRev(), missing: 'expect' })
    await expect(imported).rejects.toMatchObject({ code: 'AccountDeleted' })
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toEqual([])
  })

  test('refuses a running upload', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const gate = new Gate()
    const upload = blobs.upload(alice, heldBack('under way', gate))
    await gate.reached
    await blobs.deleteAccount(alice)
    gate.open()
    await expect(upload).rejects.toMatchObject({ code: 'AccountDeleted' })
    expect(await blobs.stat(alice, cidOfBytes(bytes('under way')), { as: 'moderator' })).toBeNull()
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toEqual([])
  })

  test('may be deleted again, or without ever having had a blob', async () => {
    const blobs = make().store()
    await populate(blobs, alice)
    await blobs.deleteAccount(alice)
    await blobs.deleteAccount(alice)
    await Promise.all([blobs.deleteAccount(alice), blobs.deleteAccount(bob), blobs.deleteAccount(bob)])
    for (const did of [alice, bob]) {
      await expect(blobs.upload(did, bytes('late'))).rejects.toMatchObject({ code: 'AccountDeleted' })
    }
  })

  test('starts empty when it is reopened', async () => {
    const { store, clock } = make()
    const blobs = store()
    const old = await populate(blobs, alice)
    await blobs.deleteAccount(alice)
    await blobs.reopenAccount(alice)
    expect(await blobs.listAll(alice)).toEqual({ items: [] })
    await expect(post(blobs, alice, 'old', old)).rejects.toMatchObject({ code: 'BlobNotFound' })
    const again = await blobs.upload(alice, bytes('permanent'))
    expect(await blobs.stat(alice, again.ref), 'no record names it any more').toBeNull()
    await post(blobs, alice, 'new', again)
    for (let round = 0; round < 3; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect(await text((await blobs.read(alice, again.ref)).body)).toBe('permanent')
    expect(await blobs.usage(alice)).toEqual({ bytes: 9, count: 1, reserved: 0, pending: 0 })
  })

  test('may be reopened when it was not deleted, without effect', async () => {
    const blobs = make().store()
    const ref = await populate(blobs, alice)
    await blobs.reopenAccount(alice)
    await blobs.reopenAccount(bob)
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('permanent')
    await blobs.upload(bob, bytes('x'))
  })

  test('is forgotten by collecting, when its deletion stopped half-way', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const refs: BlobRef[] = []
    for (let index = 0; index < 120; index++) refs.push(await blobs.upload(alice, bytes(`blob ${index}`)))
    const writes = refs.map((ref, index) => ({
      action: 'create' as const,
      uri: uriOf(alice, `post${index}`),
      record: { ref, missing: { ...missing, size: index } },
    }))
    await blobs.applyWrites(alice, writes, { rev: nextRev(), missing: 'expect' })
    const controller = new AbortController()
    const deletion = blobs.deleteAccount(alice, { signal: controller.signal })
    const stopped = deletion.catch((reason) => expect(reason).toBe('half-way'))
    // Writes are grouped once a turn of the event loop, but SQLite queries alone never let it turn.
    while ((await blobs.importProgress(alice)).expected === 121) await setImmediate()
    controller.abort('half-way')
    await stopped
    await expect(blobs.upload(alice, bytes('late'))).rejects.toMatchObject({ code: 'AccountDeleted' })
    await blobs.collect()
    await expectNothing(blobs)
    clock.advance(2 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toEqual([])
    await blobs.reopenAccount(alice)
    await expectNothing(blobs)
  })

  test('is not deleted by a call that was aborted before', async () => {
    const blobs = make().store()
    const ref = await populate(blobs, alice)
    await expect(blobs.deleteAccount(alice, { signal: AbortSignal.abort('reason') })).rejects.toBe('reason')
    expect(await blobs.stat(alice, ref.ref)).not.toBeNull()
    await blobs.upload(alice, bytes('x'))
  })

  test('must have a DID', async () => {
    const blobs = make().store()
    for (const did of ['', 'alice', '*', undefined as never]) {
      await expect(blobs.deleteAccount(did), did).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.reopenAccount(did), did).rejects.toMatchObject({ code: 'InvalidDid' })
    }
    await expect(blobs.deleteAccount(alice, { force: true } as never)).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await expect(blobs.reopenAccount(alice, { x: 1 } as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
  })

  test('is left with nothing, whatever happened at the same time', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const refs: BlobRef[] = []
    for (let index = 0; index < 10; index++) refs.push(await blobs.upload(alice, bytes(`blob ${index}`)))
    const settled = await Promise.allSettled([
      ...refs.map((ref, index) => post(blobs, alice, `post${index}`, ref)),
      blobs.deleteAccount(alice),
      ...refs.map((_, index) => blobs.upload(alice, bytes(`blob ${index + 5}`))),
      unpost(blobs, alice, 'post3'),
    ])
    expect(settled[10]).toMatchObject({ status: 'fulfilled' })
    for (const outcome of settled) {
      if (outcome.status === 'rejected') expect(['AccountDeleted', 'BlobNotFound']).toContain(outcome.reason.code)
    }
    expect(await blobs.listAll(alice)).toEqual({ items: [] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })
})

test('an account is reopened with the host’s transaction', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  await blobs.deleteAccount(alice)
  const undone = db?.transaction().execute(async (trx) => {
    await blobs.reopenAccount(alice, { trx })
    throw new Error('undo')
  })
  await expect(undone).rejects.toThrow('undo')
  await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject({ code: 'AccountDeleted' })
  await db?.transaction().execute((trx) => blobs.reopenAccount(alice, { trx }))
  await blobs.upload(alice, bytes('x'))
})

const missing = { $type: 'blob', ref: { $link: cidOfBytes(bytes('missing')) }, mimeType: 'image/png', size: 7 }

async function expectNothing(blobs: BlobStore): Promise<void> {
  expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0 })
  expect(await blobs.listAll(alice)).toEqual({ items: [] })
  expect(await blobs.listMissing(alice)).toEqual({ items: [] })
  expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
}

/** Gives the account a permanent blob, a temporary one and a missing one. */
async function populate(blobs: BlobStore, did: string): Promise<BlobRef> {
  const ref = await blobs.upload(did, bytes('permanent'))
  await post(blobs, did, 'a', ref)
  await blobs.upload(did, bytes('temporary'))
  await blobs.applyWrites(did, [{ action: 'create', uri: uriOf(did, 'b'), record: { ref, missing } }], {
    rev: nextRev(),
    missing: 'expect',
  })
  return ref
}
