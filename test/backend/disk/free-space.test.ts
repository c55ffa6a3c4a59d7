import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../../../src/index.ts'
import { temporaryFolder } from '../../support/places.ts'
import { alice, bytes, chunks } from '../../support/samples.ts'

const storeOn = (root: string, minFree: { bytes?: number; inodes?: number }) =>
  createBlobStore({
    backend: new DiskBackend({ root, durability: 'relaxed', minFree }),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
  })

test('a device is not filled to the last byte or inode; reads continue', async () => {
  const folder = temporaryFolder()
  const { bavail, bsize, ffree } = statfsSync(folder)
  const full = { code: 'StorageFull', message: expect.stringContaining('minFree') }

  const roomy = storeOn(join(folder, 'a'), { bytes: 1, inodes: 1 })
  const { ref } = await roomy.upload(alice, bytes('there was room'))
  await roomy.close()
  for (const minFree of [{ bytes: bavail * bsize * 2 }, { inodes: ffree * 2 }]) {
    const blobs = storeOn(join(folder, `b${Object.keys(minFree)}`), minFree)
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(full)
    await expect(blobs.upload(alice, chunks(3, 800_000))).rejects.toMatchObject(full)
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    expect(await blobs.stat(alice, ref)).toBeNull()
    await blobs.close()
  }
})

test('bytes written since the last measurement of free space count', async () => {
  const look = vi.spyOn(sys, 'freeSpace').mockResolvedValue({ bytes: 1000, inodes: 1000 })
  // The measurement is used for a second, which nine uploads may take where much runs beside them.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000_000)
  try {
    const blobs = storeOn(join(temporaryFolder(), 'a'), { bytes: 100, inodes: 0 })
    for (let index = 0; index < 9; index++) await blobs.upload(alice, new Uint8Array(100).fill(index))
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject({ code: 'StorageFull' })
    expect(look.mock.calls.length).toBeLessThan(5)
    await blobs.close()
  } finally {
    clock.mockRestore()
    look.mockRestore()
  }
})
