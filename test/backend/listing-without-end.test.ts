import { describe, expect, test } from 'vitest'
import { VariantCache } from '../../src/images/variant-cache.ts'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { silent } from '../../src/logger.ts'
import { putBlobs } from '../../src/testing/blobs.ts'
import { backendConformance } from '../../src/testing.ts'
import { alice, bytes } from '../support/samples.ts'

// Fails (by not ending) when a third-party backend whose list always begins at the start makes a sweep, a recovery, the
// opening of a variant cache or the conformance suite run for ever.

class StuckBackend extends MemoryBackend {
  override list(options: Parameters<MemoryBackend['list']>[0]) {
    return super.list({ ...options, limit: Math.min(options?.limit ?? 1, 1), cursor: undefined })
  }
}

describe('a backend that lists the same keys again', () => {
  test.each(['sweep', 'recover'] as const)('is reported by %s', async (method) => {
    const backend = new StuckBackend()
    const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:'), limits: { accept: ['*/*'] } })
    for (const text of ['a', 'b']) await blobs.upload(alice, bytes(text))
    await expect(blobs[method]()).rejects.toMatchObject({
      code: 'StorageFailed',
      message: expect.stringContaining('lists the same keys again'),
    })
    await blobs.close()
  })

  test('is reported by a cache of variants, which empties it when it opens', async () => {
    class Undeletable extends StuckBackend {
      override delete(keys: Parameters<MemoryBackend['delete']>[0]) {
        return Promise.resolve(new Map(keys.map((key) => [key, new Error('denied')])))
      }
    }
    const cache = new Undeletable()
    await cache.open()
    await putBlobs(cache, 2)
    const variants = new VariantCache(cache, 1000, silent)
    await expect(variants.open()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await cache.writeMarker('pds-blobstore image variants 1')
    await expect(variants.open()).rejects.toMatchObject({ code: 'StorageFailed' })
  })

  test('is found by the conformance suite', async () => {
    const failed: string[] = []
    for (const { name, run } of backendConformance) {
      const backend = new StuckBackend()
      await run(() => ({ backend: () => backend })).catch((error: Error) => failed.push(`${name}: ${error.message}`))
    }
    expect(failed.join('\n')).toContain('a page begins after the cursor that it is given')
  })
})
