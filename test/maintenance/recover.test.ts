import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { webhook } from '../../src/inspect.ts'
import { alice, bob, bytes, day, nextRev, post, text, uriOf } from '../support/samples.ts'
import { restorable } from './restorable.ts'

describe('a database restored from the past', () => {
  test('is noticed at the next opening, and deletes nothing until it is recovered', async () => {
    const { open, backUp, restore, clock } = restorable()
    const before = open()
    const kept = await before.upload(alice, bytes('before the backup'))
    await post(before, alice, 'a', kept)
    backUp()
    await before.markBackup()
    const lost = await before.upload(alice, bytes('after the backup'))
    await post(before, alice, 'b', lost)
    await before.close()
    restore()

    for (let opening = 0; opening < 2; opening++) {
      const restored = open()
      clock.advance(3 * day)
      await expect(restored.collect()).rejects.toMatchObject({ code: 'StoreRestored' })
      await expect(restored.sweep()).rejects.toMatchObject({ code: 'StoreRestored' })
      expect(await text((await restored.read(alice, kept.ref)).body)).toBe('before the backup')
      await restored.close()
    }

    const recovered = open()
    const asked: string[] = []
    const report = await recovered.recover({
      ownersOf: async (cid) => {
        asked.push(cid)
        return [{ did: alice, mimeType: 'text/plain' }]
      },
    })
    expect(asked.sort()).toEqual([kept.ref.toString(), lost.ref.toString()].sort())
    expect(report).toEqual({ keys: 2, adopted: 1, unclaimed: [], takenDown: [], damaged: 0 })
    await post(recovered, alice, 'b', { ...lost, mimeType: 'text/plain' })
    clock.advance(3 * day)
    await recovered.collect()
    await recovered.sweep()
    clock.advance(3 * day)
    await recovered.collect()
    expect(await text((await recovered.read(alice, lost.ref)).body)).toBe('after the backup')
    await recovered.close()
  })

  test("gives forgotten bytes to their owner, permanent where the owner's records wait for them, and dooms what has no owner", async () => {
    const { open, backUp, restore, clock } = restorable()
    const before = open()
    await before.ready()
    backUp()
    await before.markBackup()
    const wanted = await before.upload(alice, bytes('wanted'))
    const unwanted = await before.upload(bob, bytes('unwanted'))
    await before.close()
    restore()

    const recovered = open()
    // More of them than begin to reference a blob in one transaction.
    const rkeys = Array.from({ length: 600 }, (_, n) => `r${n}`)
    const writes = rkeys.map((r) => ({ action: 'create' as const, uri: uriOf(alice, r), record: { wanted } }))
    await recovered.applyWrites(alice, writes, { rev: nextRev(), missing: 'expect' })
    const owner = { did: alice, mimeType: 'text/plain' }
    const ownersOf = async (cid: string) => (cid === wanted.ref.toString() ? [owner] : [])
    const report = await recovered.recover({ ownersOf })
    expect(report).toMatchObject({ adopted: 1, unclaimed: [unwanted.ref.toString()] })
    expect(await text((await recovered.read(alice, wanted.ref)).body)).toBe('wanted')
    expect(await recovered.recordsFor(alice, wanted.ref)).toHaveLength(600)
    // The backup has the entry of the process before the loss. While it is open, its keys are no sweep's.
    expect(await recovered.sweep()).toMatchObject({ keys: 3, orphans: 0 })
    clock.advance(6 * 60_000)
    expect(await recovered.sweep()).toMatchObject({ keys: 3, orphans: 2 })
    clock.advance(2 * day)
    expect(await recovered.collect()).toMatchObject({ deletedKeys: 2 })
    await recovered.close()
  })

  test('gives back a blob that another account shares, and keeps the bytes that were verified', async () => {
    const { open, backUp, restore, clock, files } = restorable()
    const before = open()
    const shared = await before.upload(alice, bytes('shared'))
    await post(before, alice, 'a', shared)
    const healed = await before.upload(alice, bytes('healed'))
    await post(before, alice, 'b', healed)
    backUp()
    await before.markBackup()
    await before.upload(bob, bytes('shared'))
    for (const path of files().filter((path) => path.includes(`${healed.ref}`))) writeFileSync(path, 'rotten')
    await before.scrub({ olderThan: 0 })
    await before.upload(alice, bytes('healed'))
    await before.close()
    restore()

    const recovered = open()
    const ownersOf = async (cid: string) => (cid === shared.ref.toString() ? [{ did: bob }] : [{ did: alice }])
    expect(await recovered.recover({ ownersOf })).toMatchObject({ adopted: 2, unclaimed: [], damaged: 0 })
    expect(await recovered.stat(bob, shared.ref, { as: 'account' })).toMatchObject({ size: 6 })
    clock.advance(3 * day)
    await recovered.collect()
    expect(await text((await recovered.read(alice, healed.ref, { verify: true })).body)).toBe('healed')
    await recovered.close()
  })

  test('shows nothing that was quarantined since', async () => {
    const { open, backUp, restore } = restorable()
    const before = open()
    before.setHooks({ inspect: async () => ({ quarantine: 'looks bad' }) })
    await before.markBackup()
    backUp()
    const bad = await before.upload(alice, bytes('bad'))
    const refused = await before.upload(bob, bytes('worse'))
    await post(before, alice, 'a', bad)
    await before.close()
    restore()
    const recovered = open()
    const told: string[] = []
    recovered.setHooks({
      inspect: async ({ did, read }) =>
        did === bob ? { refuse: 'no' } : { quarantine: `looks ${await text(read())} again` },
      onQuarantined: ({ reason }) => void told.push(reason),
    })
    const ownersOf = async (cid: unknown) => [{ did: String(cid) === String(bad.ref) ? alice : bob }]
    expect(await recovered.recover({ ownersOf })).toMatchObject({ adopted: 2 })
    await post(recovered, alice, 'a', { ...bad, mimeType: 'application/octet-stream' })
    await expect(recovered.read(alice, bad.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
    const { items } = await recovered.listTakedowns({ quarantined: true })
    expect(items.map(({ did, ref }) => `${did}: ${ref}`).sort()).toEqual([
      `${alice}: looks bad again`,
      `${bob}: The upload was refused: no`,
    ])
    expect(told).toHaveLength(2)
    expect(await text((await recovered.read(bob, refused.ref, { as: 'moderator' })).body)).toBe('worse')
    await recovered.close()
  })

  test('shows nothing while the scanner is down, even if it accepts uploads then', async () => {
    const { open, backUp, restore } = restorable()
    const before = open()
    await before.markBackup()
    backUp()
    const ref = await before.upload(alice, bytes('perhaps a virus'))
    await before.close()
    restore()
    const recovered = open()
    recovered.setHooks({ inspect: webhook('http://127.0.0.1:9', { whenDown: 'accept' }) })
    expect(await recovered.recover({ ownersOf: async () => [{ did: alice }] })).toMatchObject({ adopted: 1 })
    const { items } = await recovered.listTakedowns({ quarantined: true })
    expect(items).toMatchObject([{ did: alice, cid: String(ref.ref), ref: expect.stringContaining('failed') }])
    await recovered.close()
  })

  test('lets no deletion of an account begin before it is recovered', async () => {
    const { open, backUp, restore } = restorable()
    const before = open()
    const ref = await before.upload(alice, bytes('shared'))
    await post(before, alice, 'a', ref)
    backUp()
    await before.markBackup()
    await before.upload(bob, bytes('shared'))
    await before.close()
    restore()
    const recovered = open()
    await recovered.deleteAccount(alice)
    await expect(recovered.read(alice, ref.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
    // Fails when lists only look for rows, which stay until the store is recovered.
    expect(await recovered.listPublic(alice)).toEqual({ items: [] })
    expect(await recovered.listAll(alice)).toEqual({ items: [] })
    await expect(recovered.reopenAccount(alice)).rejects.toMatchObject({ code: 'AccountDeleted', transient: true })
    expect(await recovered.recover({ ownersOf: async () => [{ did: bob }] })).toMatchObject({ adopted: 1 })
    await recovered.collect()
    expect(await recovered.usage(alice)).toMatchObject({ count: 0 })
    expect(await recovered.stat(bob, ref.ref, { as: 'account' })).toMatchObject({ size: 6 })
    await recovered.close()
  })

  test('is not suspected when nothing was restored', async () => {
    const { open } = restorable()
    for (let opening = 0; opening < 3; opening++) {
      const blobs = open()
      await blobs.markBackup()
      await blobs.sweep()
      await blobs.collect()
      await blobs.close()
    }
  })
})
