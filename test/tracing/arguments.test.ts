import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type BlobStore, cidOfBytes, type StoreOperation, traceChannels } from '../../src/index.ts'
import { memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { tracedStore } from '../../src/tracing/traced-store.ts'
import { alice, bytes } from '../support/samples.ts'
import { Listener } from './listen.ts'

// What a new operation of `BlobStore` needs in tracing/traced-store.ts, and what no compiler asks for.

const cid = cidOfBytes(bytes('x'))

/** The operations, and whether their first arguments are an account and a blob, as the contract declares them. */
type Own = Exclude<StoreOperation, `resumable.${string}`>

function declared(): { operation: Own; did: boolean; cid: boolean }[] {
  const files = ['blob-store.ts', 'maintenance/maintenance.ts', 'store/moderation.ts'].map((file) =>
    join(import.meta.dirname, '../../src', file),
  )
  const source = files.map((file) => readFileSync(file, 'utf8')).join('\n')
  const signature = /^ {2}(?<operation>\w+)\(\s*(?<did>did: string)?(?:,\s*(?<cid>cid: CidLike))?/gm
  return [...source.matchAll(signature)]
    .map(({ groups }) => ({ operation: groups?.operation as Own, did: !!groups?.did, cid: !!groups?.cid }))
    .filter(({ operation }) => operation in traceChannels.store)
}

test('a trace has the account and the blob of its operation, and no others', async () => {
  const operations = declared()
  const own = Object.keys(traceChannels.store).filter((operation) => !operation.startsWith('resumable.'))
  expect(operations.map(({ operation }) => operation).sort()).toEqual(own.sort())
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

test('a resumable upload is traced call by call, with its account, and at the end with its size', async () => {
  using listener = new Listener()
  await using blobs = memoryBlobStore()
  const { id } = await blobs.resumable.create(alice)
  const image = sampleBlob('image/png').bytes
  await blobs.resumable.append(alice, id, 0, image)
  const { ref } = await blobs.resumable.finish(alice, id)
  await blobs.resumable.stat(alice, id)
  await blobs.resumable.abort(alice, id)
  await blobs.resumable.putPart(alice, id, 1, bytes('late')).catch(() => {})
  const started = listener.heard.filter(({ name, event }) => name.startsWith('resumable.') && event === 'start')
  expect(started.map(({ name, message }) => [name, message.did])).toEqual(
    ['create', 'append', 'finish', 'stat', 'abort', 'putPart'].map((method) => [`resumable.${method}`, alice]),
  )
  expect(Object.keys(traceChannels.store).filter((name) => name.startsWith('resumable.'))).toHaveLength(started.length)
  expect(listener.ends('resumable.finish')).toMatchObject([{ result: { size: image.length, cid: String(ref) } }])
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
