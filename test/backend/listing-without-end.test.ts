import { describe, expect, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { backendConformance } from '../../src/testing.ts'
import { alice, bytes } from '../support/samples.ts'

// Goes red, or rather does not end, when a backend of somebody's whose list begins at the start each time makes a sweep, a
// recovery or the conformance suite go on for ever.

class StuckBackend extends MemoryBackend {
  override list(options: Parameters<MemoryBackend['list']>[0]) {
    return super.list({ ...options, limit: Math.min(options?.limit ?? 1, 1), cursor: undefined })
  }
}

describe('a backend that lists the same keys again', () => {
  test.each(['sweep', 'recover'] as const)('is told by %s', async (method) => {
    const backend = new StuckBackend()
    const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:'), limits: { accept: ['*/*'] } })
    for (const text of ['a', 'b']) await blobs.upload(alice, bytes(text))
    await expect(blobs[method]()).rejects.toMatchObject({
      code: 'StorageFailed',
      message: expect.stringContaining('lists the same keys again'),
    })
    await blobs.close()
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
