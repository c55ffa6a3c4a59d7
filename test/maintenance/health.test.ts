import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { FolderPlace } from '../support/folder-place.ts'
import { meddle } from '../support/meddling.ts'
import { places } from '../support/places.ts'

describe.each(places)('the health of a store in $name', ({ make }) => {
  test('is good while its database and its backends answer', async () => {
    const { store, backend } = make()
    const blobs = store({ janitor: false })
    const health = await blobs.health()
    const name = backend().name
    expect(health).toMatchObject({ ok: true, restored: false, backedUpAt: null, janitor: null })
    expect(health.database).toMatchObject({ ok: true, error: null, milliseconds: expect.any(Number) })
    expect(Object.keys(health.backends)).toEqual([name])
    const free = health.backends[name]?.freeBytes
    if (name === 'disk') expect(free).toBeGreaterThan(0)
    else expect(free).toBeNull()
    await blobs.markBackup()
    expect((await blobs.health()).backedUpAt).toEqual(expect.any(Date))
  })

  test('names a backend that does not answer in time, and waits no longer', async () => {
    const { store, backend } = make()
    const inner = backend()
    let hangs = false
    const hanging = meddle(inner, {
      readMarker: (options) => (hangs ? new Promise<never>(() => {}) : inner.readMarker(options)),
    })
    const blobs = store({ backend: hanging })
    await blobs.ready()
    hangs = true
    const health = await blobs.health({ timeout: 50 })
    hangs = false
    expect(health).toMatchObject({ ok: false, database: { ok: true } })
    expect(health.backends[inner.name]).toMatchObject({
      ok: false,
      error: 'It did not answer in time',
      freeBytes: null,
    })
  })

  test('ends with its signal', async () => {
    const blobs = make().store()
    await expect(blobs.health({ signal: AbortSignal.abort('reason') })).rejects.toBe('reason')
    await expect(blobs.health({ timeout: 0 })).rejects.toMatchObject({ code: 'InvalidArgument' })
  })
})

test('the marker of a disk that was unmounted is missed', async () => {
  const place = new FolderPlace()
  const blobs = place.store()
  await blobs.ready()
  rmSync(join(place.root), { recursive: true })
  const health = await blobs.health()
  expect(health.ok).toBe(false)
  expect(health.backends.disk).toMatchObject({ ok: false, error: expect.any(String) })
})

test('the janitor’s last runs are known, and why one failed', async () => {
  const place = new FolderPlace()
  const inner = place.backend()
  let isDown = false
  const failing = meddle(inner, {
    list: (options) => (isDown ? Promise.reject(new Error('the service is down')) : inner.list(options)),
  })
  const blobs = place.store({ backend: failing, janitor: { collectEvery: 20, sweepEvery: 20 } })
  await blobs.ready()
  isDown = true
  await vi.waitFor(
    async () => {
      const { janitor } = await blobs.health()
      expect(janitor?.collect).toEqual({ endedAt: expect.any(Date), error: null })
      expect(janitor?.sweep).toMatchObject({ error: expect.stringContaining('the service is down') })
    },
    { timeout: 5000 },
  )
})
