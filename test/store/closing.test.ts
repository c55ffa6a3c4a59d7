import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BlobBackend, type BlobStore, createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { type FaultyMethod, faultyBackend } from '../../src/testing.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes } from '../support/samples.ts'

// A backend that ignores its signal, and never settles, must not block closing the store for ever.

const minute = 60_000
const never = 2 ** 31 - 1

interface Place {
  backend: BlobBackend
  blobs: BlobStore
  told: [object, string][]
}

function open(backend: BlobBackend, metadata = sqliteMetadata(':memory:')): Place {
  const told: Place['told'] = []
  const error = (details: object, message: string) => void told.push([details, message])
  const logger = { info() {}, warn() {}, error }
  return {
    backend,
    blobs: createBlobStore({ backend, metadata, limits: { accept: ['*/*'] }, logger }),
    told,
  }
}

const hangsAt = (on: FaultyMethod, at = 1): BlobBackend =>
  faultyBackend(new MemoryBackend(), { faults: [{ kind: 'delay', on, at, delay: never }] })

/** How many minutes closing takes, at most 20. */
async function minutesToClose(blobs: BlobStore): Promise<number | 'for ever'> {
  let closed = false
  const closing = blobs.close().then(() => {
    closed = true
  })
  for (let minutes = 0; minutes <= 20; minutes++) {
    await vi.waitFor(() => expect(closed).toBe(true), { timeout: 250, interval: 5 }).catch(() => {})
    if (closed) {
      await closing
      return minutes
    }
    await vi.advanceTimersByTimeAsync(minute)
  }
  return 'for ever'
}

describe('a store that is closed', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  // Fails when closing waits for `running` alone.
  test('waits 5 minutes for calls that hang in the backend, and logs which', async () => {
    const { blobs, told } = open(hangsAt('put', 2))
    await blobs.upload(alice, bytes('first'))
    for (const content of ['second', 'latest']) blobs.upload(alice, bytes(content)).catch(() => {})
    await vi.waitFor(async () => expect(await blobs.usage(alice)).toMatchObject({ count: 2 }))
    expect(await minutesToClose(blobs)).toBe(5)
    expect(told).toEqual([[{ underWay: { upload: 1 }, opened: true }, expect.stringContaining('300 seconds')]])
    await expect(blobs.usage(alice)).rejects.toMatchObject({ code: 'StoreClosed' })
    expect(await minutesToClose(blobs), 'again').toBe(0)
  })

  // Fails when closing waits for the last process to write its markers.
  test('waits 5 minutes for a backend that hangs as the last process leaves', async () => {
    const { blobs, backend, told } = open(new MemoryBackend(), sqliteMetadata(join(temporaryFolder(), 'blobs.sqlite')))
    await blobs.ready()
    vi.spyOn(backend, 'readMarker').mockReturnValue(new Promise(() => {}))
    expect(await minutesToClose(blobs)).toBe(5)
    expect(told).toEqual([[{ backends: ['memory'] }, expect.stringContaining('300 seconds')]])
  })

  test('does not wait for an opening that hangs, and closes what it opened when that ends', async () => {
    const inner = new MemoryBackend()
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const closed = vi.spyOn(inner, 'close')
    vi.spyOn(inner, 'readMarker').mockImplementationOnce(() => gate.then(() => null))
    const { blobs, told } = open(inner)
    const opening = blobs.ready().catch(() => {})
    await sleep(20)
    expect(await minutesToClose(blobs)).toBe(5)
    expect(told).toEqual([[{ underWay: { ready: 1 }, opened: false }, expect.any(String)]])
    expect(closed).not.toHaveBeenCalled()
    letGo()
    await opening
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce())
  })

  test('does not wait for ever for a backend to close', async () => {
    const inner = new MemoryBackend()
    vi.spyOn(inner, 'close').mockImplementation(() => new Promise(() => {}))
    const { blobs, told } = open(inner)
    await blobs.ready()
    expect(await minutesToClose(blobs)).toBe(5)
    expect(told).toEqual([[{ backends: ['memory'] }, expect.stringContaining('has not answered within 300 seconds')]])
  })

  test('rejects with what kept a backend from closing', async () => {
    const inner = new MemoryBackend()
    vi.spyOn(inner, 'close').mockRejectedValue(new Error('not now'))
    const { blobs } = open(inner)
    await blobs.ready()
    await expect(blobs.close()).rejects.toThrow('not now')
  })
})
