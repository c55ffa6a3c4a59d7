import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type BlobStore, cidOfBytes, type StoreOperation, traceChannels } from '../../src/index.ts'
import { memoryBlobStore } from '../../src/testing.ts'
import { tracedStore } from '../../src/tracing/traced-store.ts'
import { alice, bytes } from '../support/samples.ts'
import { Listener } from './listen.ts'

// What a new operation of `BlobStore` needs in tracing/traced-store.ts, and what no compiler asks for.

const cid = cidOfBytes(bytes('x'))

/** The operations, and whether their first arguments are an account and a blob, as the contract declares them. */
function declared(): { operation: StoreOperation; did: boolean; cid: boolean }[] {
  const files = ['blob-store.ts', 'maintenance/maintenance.ts', 'store/moderation.ts'].map((file) =>
    join(import.meta.dirname, '../../src', file),
  )
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n')
  const signature = /^ {2}(?<operation>\w+)\(\s*(?<did>did: string)?(?:,\s*(?<cid>cid: CidLike))?/gm
  return [...source.matchAll(signature)]
    .map(({ groups }) => ({ operation: groups?.operation as StoreOperation, did: !!groups?.did, cid: !!groups?.cid }))
    .filter(({ operation }) => operation in traceChannels.store)
}

test('a trace has the account and the blob of its operation, and no others', async () => {
  const operations = declared()
  expect(operations.map(({ operation }) => operation).sort()).toEqual(Object.keys(traceChannels.store).sort())
  for (const { operation, ...has } of operations) {
    using listener = new Listener()
    await using blobs = memoryBlobStore()
    const call = blobs[operation] as (...args: unknown[]) => Promise<unknown>
    // Some refuse these arguments: they are traced all the same.
    await call(...(has.did ? [alice, cid] : [{}])).catch(() => {})
    const [start] = listener.heard.filter(({ name, event }) => name === operation && event === 'start')
    const { did, cid: blob } = start?.message ?? {}
    expect({ operation, did, cid: blob }).toEqual({
      operation,
      did: has.did ? alice : undefined,
      cid: has.cid ? cid : undefined,
    })
  }
})

test.each(['with', 'without'])('an operation gets all its arguments, %s subscribers', async (subscribers) => {
  using listener = subscribers === 'with' ? new Listener() : undefined
  await using blobs = memoryBlobStore()
  const given: unknown[][] = []
  const stat = async (...args: unknown[]) => {
    given.push(args)
    return null
  }
  const traced = tracedStore({ ...blobs, stat } as BlobStore)
  const args = [alice, cid, 'third', { fourth: true }, 5]
  await (traced.stat as (...all: unknown[]) => Promise<unknown>)(...args)
  expect(given).toEqual([args])
  expect(listener?.ends('stat') ?? []).toHaveLength(listener ? 1 : 0)
})
