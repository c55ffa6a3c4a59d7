import { describe, expect, test } from 'vitest'
import { type BlobRef, type BlobStore, cidOfBytes, createBlobRef } from '../../src/index.ts'
import { Gate, heldBack } from '../support/meddling.ts'
import { hostPlace, places } from '../support/places.ts'
import { alice, bob, bytes, day, nextRev, post, text, unpost, uriOf } from '../support/samples.ts'

describe.each(places)('a takedown in $name', ({ make }) => {
  test('hides the blob at once from all but moderators', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'bad')
    await blobs.takedown(alice, ref, { ref: 'case 17' })
    for (const as of ['public', 'account'] as const) {
      expect(await blobs.stat(alice, ref, { as })).toBeNull()
      await expect(blobs.read(alice, ref, { as })).rejects.toMatchObject({ code: 'BlobNotFound' })
    }
    expect(await blobs.stat(alice, ref, { as: 'moderator' })).toMatchObject({ takenDown: true, referenced: true })
    expect(await text((await blobs.read(alice, ref, { as: 'moderator' })).body)).toBe('bad')
  })

  test('refuses the blob when it is uploaded again, and keeps nothing of it', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ limits: { maxBlobSize: 5_000_000, accept: ['*/*'] } })
    await posted(blobs, alice, 'good')
    const large = new Uint8Array(2_000_000).fill(7)
    for (const bad of [bytes('bad'), large]) {
      await blobs.takedown(alice, cidOfBytes(bad))
      for (let time = 0; time < 3; time++) {
        const upload = blobs.upload(alice, bad)
        await expect(upload).rejects.toMatchObject({ code: 'BlobTakenDown', did: alice, cid: cidOfBytes(bad) })
      }
    }
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 4, count: 1, reserved: 0 })
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toHaveLength(1)
    expect(await blobs.usage(alice)).toEqual({ bytes: 4, count: 1, reserved: 0, pending: 0 })
    expect(await blobs.sweep()).toMatchObject({ keys: 1, orphans: 0 })
  })

  test('refuses a running upload', async () => {
    const blobs = make().store()
    const gate = new Gate()
    const upload = blobs.upload(alice, heldBack('bad', gate))
    await gate.reached
    await blobs.takedown(alice, cidOfBytes(bytes('bad')))
    gate.open()
    await expect(upload).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  })

  test('refuses references to the blob, those of old records too', async () => {
    const blobs = make().store()
    const temporary = await blobs.upload(alice, bytes('temporary'))
    const permanent = await posted(blobs, alice, 'permanent')
    for (const ref of [temporary, permanent]) {
      await blobs.takedown(alice, ref.ref)
      for (const rkey of ['new', 'permanent']) {
        await expect(post(blobs, alice, rkey, ref)).rejects.toMatchObject({ code: 'BlobTakenDown' })
      }
      await expect(blobs.recordsFor(alice, ref.ref)).resolves.not.toContain(uriOf(alice, 'new'))
    }
    const record = { permanent, temporary }
    await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, 'imported'), record }], {
      rev: nextRev(),
      missing: 'expect',
    })
    expect(await blobs.stat(alice, temporary.ref), 'imported, and hidden all the same').toBeNull()
    await blobs.reverseTakedown(alice, temporary.ref)
    expect(await blobs.stat(alice, temporary.ref)).toMatchObject({ referenced: true })
  })

  test.each(['of the account', 'of every account'])('%s hides what an upload stores in spite of it', async (whose) => {
    const { store, clock } = make()
    const blobs = store()
    const account = whose === 'of the account' ? alice : '*'
    const record = (text: string) => createBlobRef({ cid: cidOfBytes(bytes(text)), mimeType: 'text/plain', size: 4 })
    // New to the account; held by it without a record; held with one; and waited for by a record.
    await blobs.upload(alice, bytes('held'), { mimeType: 'text/plain' })
    await post(blobs, alice, 'post', await blobs.upload(alice, bytes('post'), { mimeType: 'text/plain' }))
    const expects = { action: 'create', uri: uriOf(alice, 'expects'), record: { ref: record('wait') } } as const
    await blobs.applyWrites(alice, [expects], { rev: nextRev(), missing: 'expect' })
    for (const content of ['new!', 'held', 'post', 'wait']) {
      const cid = cidOfBytes(bytes(content))
      await blobs.takedown(account, cid)
      for (const takenDown of ['refuse', undefined] as const) {
        await expect(blobs.upload(alice, bytes(content), { takenDown })).rejects.toMatchObject({
          code: 'BlobTakenDown',
        })
      }
      const ref = await blobs.upload(alice, bytes(content), { takenDown: 'store', mimeType: 'text/plain' })
      expect(ref).toEqual(record(content))
      for (const as of ['public', 'account'] as const) expect(await blobs.stat(alice, cid, { as })).toBeNull()
      expect((await blobs.listPublic(alice)).items).not.toContain(cid)
      expect(await blobs.stat(alice, cid, { as: 'moderator' })).toMatchObject({ takenDown: true })
    }
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 16, count: 4, reserved: 0 })
    for (const content of ['new!', 'held', 'post', 'wait'])
      await blobs.reverseTakedown(account, cidOfBytes(bytes(content)))
    for (const content of ['post', 'wait']) {
      expect(await text((await blobs.read(alice, cidOfBytes(bytes(content)))).body)).toBe(content)
    }
    for (const content of ['new!', 'held']) expect(await blobs.stat(alice, cidOfBytes(bytes(content)))).toBeNull()
    clock.advance(2 * day)
    await blobs.collect()
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 8, count: 2 })
  })

  test('does not prevent the deletion of records', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'bad')
    await blobs.takedown(alice, ref)
    await unpost(blobs, alice, 'bad')
    expect(await blobs.stat(alice, ref, { as: 'moderator' })).toMatchObject({ referenced: false, takenDown: true })
  })

  test('keeps the bytes while a record references them', async () => {
    const { store, clock } = make()
    const blobs = store()
    const { ref } = await posted(blobs, alice, 'evidence')
    await blobs.takedown(alice, ref)
    for (let round = 0; round < 3; round++) {
      clock.advance(9 * day)
      await blobs.collect()
    }
    expect(await text((await blobs.read(alice, ref, { as: 'moderator' })).body)).toBe('evidence')
    await blobs.reverseTakedown(alice, ref)
    expect(await text((await blobs.read(alice, ref)).body)).toBe('evidence')
  })

  test('outlives the blob', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const { ref } = await posted(blobs, alice, 'bad')
    await blobs.takedown(alice, ref)
    await unpost(blobs, alice, 'bad')
    for (let round = 0; round < 3; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect((await backend().list()).keys).toEqual([])
    expect(await blobs.stat(alice, ref, { as: 'moderator' })).toBeNull()
    await expect(blobs.upload(alice, bytes('bad'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await blobs.reverseTakedown(alice, ref)
    await posted(blobs, alice, 'bad')
    expect(await text((await blobs.read(alice, ref)).body)).toBe('bad')
  })

  test('outlives the account', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'bad')
    await blobs.takedown(alice, ref)
    await blobs.deleteAccount(alice)
    await blobs.reopenAccount(alice)
    await expect(blobs.upload(alice, bytes('bad'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
  })

  test('of one account does not affect another', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'shared')
    await posted(blobs, bob, 'shared')
    await blobs.takedown(alice, ref)
    expect(await text((await blobs.read(bob, ref)).body)).toBe('shared')
    expect(await blobs.stat(bob, ref)).toMatchObject({ takenDown: false })
    await blobs.upload(bob, bytes('shared'))
    await post(blobs, bob, 'again', await blobs.upload(bob, bytes('shared')))
  })

  test('of every account holds for each, now and later', async () => {
    const blobs = make().store()
    const carol = 'did:plc:carol'
    const ref = await posted(blobs, alice, 'shared')
    await posted(blobs, bob, 'shared')
    await blobs.takedown('*', ref.ref)
    for (const did of [alice, bob]) {
      expect(await blobs.stat(did, ref.ref, { as: 'account' })).toBeNull()
      expect(await blobs.stat(did, ref.ref, { as: 'moderator' })).toMatchObject({ takenDown: true })
      await expect(post(blobs, did, 'again', ref)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    }
    for (const did of [alice, bob, carol]) {
      await expect(blobs.upload(did, bytes('shared'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    }
    await blobs.reverseTakedown('*', ref.ref)
    for (const did of [alice, bob]) expect(await text((await blobs.read(did, ref.ref)).body)).toBe('shared')
    await blobs.upload(carol, bytes('shared'))
  })

  test('is undone by the reversal of the same, not of the other', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'twice bad')
    const visible = async (): Promise<boolean> => (await blobs.stat(alice, ref)) !== null
    await blobs.takedown(alice, ref)
    await blobs.takedown('*', ref)
    await blobs.reverseTakedown('*', ref)
    expect(await visible()).toBe(false)
    await blobs.takedown('*', ref)
    await blobs.reverseTakedown(alice, ref)
    expect(await visible()).toBe(false)
    await blobs.reverseTakedown(bob, ref)
    expect(await visible()).toBe(false)
    await blobs.reverseTakedown('*', ref)
    expect(await visible()).toBe(true)
  })

  test('may be repeated, and a reversal without a takedown does nothing', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'bad')
    await blobs.reverseTakedown(alice, ref)
    await blobs.reverseTakedown('*', ref)
    expect(await blobs.stat(alice, ref)).not.toBeNull()
    await blobs.takedown(alice, ref, { ref: 'case 1' })
    await blobs.takedown(alice, ref, { ref: 'case 2' })
    await blobs.takedown(alice, ref)
    expect(await blobs.stat(alice, ref)).toBeNull()
    await blobs.reverseTakedown(alice, ref)
    expect(await blobs.stat(alice, ref)).not.toBeNull()
    await blobs.reverseTakedown(alice, ref)
    expect(await blobs.stat(alice, ref)).not.toBeNull()
  })

  test('needs a DID or a star, and known options', async () => {
    const blobs = make().store()
    const { ref } = await posted(blobs, alice, 'x')
    for (const did of ['', '**', 'alice', 'did:plc:', undefined as never]) {
      await expect(blobs.takedown(did, ref), did).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.reverseTakedown(did, ref), did).rejects.toMatchObject({ code: 'InvalidDid' })
    }
    await expect(blobs.takedown(alice, ref, { reason: 'x' } as never)).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await expect(blobs.reverseTakedown(alice, ref, { ref: 'x' } as never)).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    const signal = AbortSignal.abort('reason')
    await expect(blobs.takedown(alice, ref, { signal })).rejects.toBe('reason')
    expect(await blobs.stat(alice, ref)).not.toBeNull()
  })
})

test('a takedown is undone with the host’s transaction', async () => {
  const { store, db } = hostPlace()
  const blobs = store()
  const { ref } = await posted(blobs, alice, 'bad')
  const reason = new Error('undo')
  const undone = db?.transaction().execute(async (trx) => {
    await blobs.takedown(alice, ref, { trx })
    throw reason
  })
  await expect(undone).rejects.toBe(reason)
  expect(await blobs.stat(alice, ref)).not.toBeNull()
  await db?.transaction().execute((trx) => blobs.takedown(alice, ref, { trx }))
  expect(await blobs.stat(alice, ref)).toBeNull()
  await db?.transaction().execute((trx) => blobs.reverseTakedown(alice, ref, { trx }))
  expect(await blobs.stat(alice, ref)).not.toBeNull()
})

async function posted(blobs: BlobStore, did: string, content: string): Promise<BlobRef> {
  const ref = await blobs.upload(did, bytes(content))
  await post(blobs, did, content, ref)
  return ref
}
