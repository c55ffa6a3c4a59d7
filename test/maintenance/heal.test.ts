import { mkdirSync, rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type BlobBackend, MemoryBackend } from '../../src/index.ts'
import { faultyBackend } from '../../src/testing.ts'
import { diskPlace, places } from '../support/places.ts'
import { alice, bob, bytes, post, text } from '../support/samples.ts'

// After the loss of bytes. Fails when a good copy is not looked for, and when a folder without its disk counts as lost.

/** Deletes all bytes behind the store's back. */
async function lose(backend: BlobBackend): Promise<void> {
  await backend.open()
  await backend.delete((await backend.list()).keys)
}

const nowhere = async () => undefined

describe.each(places)('heal on $name', ({ make }) => {
  test('finds what was uploaded after the loss, and doomed because it seemed to be there', async () => {
    const place = make()
    const blobs = place.store()
    await blobs.upload(alice, bytes('same bytes'))
    await lose(place.backend())
    const ref = await blobs.upload(bob, bytes('same bytes'))
    await post(blobs, bob, 'a', ref)
    await expect(blobs.read(bob, ref.ref)).rejects.toMatchObject({ code: 'BlobMissing' })
    expect(await blobs.heal({ copyOf: nowhere })).toMatchObject({ healed: 1, findings: [] })
    expect(await text((await blobs.read(bob, ref.ref, { verify: true })).body)).toBe('same bytes')
  })

  test('takes another copy if the mirror cannot be read', async () => {
    const place = make()
    const unreadable = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'get', chance: 1 }] })
    const blobs = place.store({ mirror: { backend: unreadable } })
    const names = Array.from({ length: 30 }, (_, at) => `blob ${at}`)
    const cids = new Map<string, string>()
    for (const name of names) cids.set(String((await blobs.upload(alice, bytes(name))).ref), name)
    await blobs.mirror()
    await lose(place.backend())
    await expect(blobs.heal()).rejects.toThrow('A fault that was planned')
    const copyOf = async (cid: string) => bytes(cids.get(cid) ?? '')
    expect(await blobs.heal({ copyOf })).toMatchObject({ healed: 30, findings: [] })
  })
})

test('heal refuses a folder without its marker if it finds no copy: its disk may not be mounted', async () => {
  const place = diskPlace()
  const first = place.store()
  const { ref } = await first.upload(alice, bytes('on the disk'))
  await first.close()
  const root = String(place.backend().location)
  rmSync(root, { recursive: true })
  mkdirSync(root)
  for (const mirror of [undefined, { backend: new MemoryBackend() }]) {
    for (const copyOf of [nowhere, async () => bytes('something else')]) {
      const blobs = place.store({ mirror })
      await expect(blobs.heal({ copyOf })).rejects.toMatchObject({
        code: 'StoreMismatch',
        message: expect.stringContaining('of 1 objects that it had none has a copy'),
      })
      await blobs.close()
    }
  }
  await expect(place.store().ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
  const blobs = place.store()
  const report = await blobs.heal({ acceptLoss: true })
  expect(report).toMatchObject({ healed: 0, findings: [{ cid: String(ref), problem: 'lost' }] })
  await blobs.upload(bob, bytes('on the disk'))
  expect(await text((await blobs.read(alice, ref, { as: 'account' })).body)).toBe('on the disk')
})
