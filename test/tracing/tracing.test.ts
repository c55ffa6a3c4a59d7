import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { expect, test, vi } from 'vitest'
import { type BlobStore, createBlobStore, MemoryBackend, sqliteMetadata, traceChannels } from '../../src/index.ts'
import { faultyBackend, memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { tracedBackend } from '../../src/tracing/traced-backend.ts'
import { alice, post, uriOf } from '../support/samples.ts'
import { Listener } from './listen.ts'

// The channels belong to the process, and tests of one file run one after another.

const { bytes, mimeType } = sampleBlob('image/png')
const size = bytes.byteLength

test('an upload, its record and a reading are published with their subjects and results', async () => {
  using listener = new Listener()
  const blobs = memoryBlobStore()
  const image = await blobs.upload(alice, bytes)
  const cid = String(image.ref)
  await post(blobs, alice, '1', image)
  const blob = await blobs.read(alice, cid, { range: { start: 1, end: 3 } })
  await blob.bytes()
  await blobs.listPublic(alice)
  await blobs.collect()
  await blobs.close()

  const ends = (name: string) => listener.ends(name)
  expect(ends('upload')).toEqual([{ operation: 'upload', did: alice, result: { cid, size, mimeType } }])
  expect(ends('applyWrites')).toEqual([
    { operation: 'applyWrites', did: alice, result: { applied: true, hidden: 0, hiddenInSpaces: 0, differing: 0 } },
  ])
  expect(ends('read')).toEqual([{ operation: 'read', did: alice, cid, result: { size, mimeType, length: 3 } }])
  expect(ends('listPublic')).toEqual([{ operation: 'listPublic', did: alice, result: { items: 1 } }])
  expect(ends('collect')).toMatchObject([{ operation: 'collect', result: { expiredBlobs: 0, stopped: false } }])
  const [put] = ends('backend:put')
  expect(put).toEqual({ method: 'put', backend: 'memory', key: expect.stringContaining(cid), size, result: undefined })
  expect(ends('backend:get')).toMatchObject([{ range: { start: 1, end: 3 }, result: { found: true, size, length: 3 } }])
  expect(ends('backend:open')).toHaveLength(1)
  expect(ends('close')).toHaveLength(1)
})

test('a call that fails is published with its error, and fails as it would have', async () => {
  using listener = new Listener()
  const backend = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'put', at: 1 }] })
  const blobs = memoryBlobStore({ backend })
  const error = await blobs.upload(alice, bytes).catch((caught) => caught)
  expect(error).toMatchObject({ code: 'StorageFailed', transient: true })
  expect(listener.ends('upload')).toEqual([{ operation: 'upload', did: alice, error }])
  expect(listener.ends('backend:put')[0]?.error).toBe(error)
  expect(listener.heard.filter(({ name }) => name === 'upload').map(({ event }) => event)).toEqual([
    'start',
    'end',
    'error',
    'asyncStart',
    'asyncEnd',
  ])
  // What cannot become text is for the operation to refuse.
  const odd = blobs.read(alice, Object.create(null) as never)
  await expect(odd).rejects.toMatchObject({ code: 'InvalidCid' })
  await blobs.close()
})

test('neither bytes nor a signed address is published', async () => {
  using listener = new Listener()
  const inner = new MemoryBackend()
  const backend = Object.assign(inner, { presign: async () => 'https://bucket/blob?X-Amz-Signature=c0ffee' })
  const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:') })
  const image = await blobs.upload(alice, bytes)
  await post(blobs, alice, '1', image)
  const presigned = await blobs.presign(alice, image.ref)
  expect(presigned?.url).toContain('c0ffee')
  expect(listener.ends('presign')).toMatchObject([{ result: { found: true, size, mimeType } }])
  expect(listener.ends('backend:presign')).toHaveLength(1)
  expect(JSON.stringify(listener.heard)).not.toContain('c0ffee')
  const values = listener.heard.flatMap(({ message }) => [message, message.result ?? {}]).flatMap(Object.values)
  expect(values.filter((value) => ArrayBuffer.isView(value))).toEqual([])
  await blobs.close()
})

test('a backend’s call happens within the operation that made it', async () => {
  const operations = new AsyncLocalStorage<{ name: string }>()
  const seen: (string | undefined)[] = []
  const { upload } = traceChannels.store
  const { put } = traceChannels.backend
  const onPut = () => seen.push(operations.getStore()?.name)
  upload.start.bindStore(operations, () => ({ name: 'the upload' }))
  put.start.subscribe(onPut)
  try {
    const blobs = memoryBlobStore()
    await blobs.upload(alice, bytes)
    await blobs.close()
  } finally {
    upload.start.unbindStore(operations)
    put.start.unsubscribe(onPut)
  }
  expect(seen).toEqual(['the upload'])
})

test('every method of a store, and of a backend, has a channel of its name', async () => {
  const blobs = memoryBlobStore()
  const methods = Object.keys(blobs).filter((name) => typeof blobs[name as keyof BlobStore] === 'function')
  // Methods that only set something in this process are not operations of the store.
  const resumable = Object.keys(blobs.resumable).map((name) => `resumable.${name}`)
  const operations = [...methods.filter((name) => name !== 'setHooks'), ...resumable]
  expect(Object.keys(traceChannels.store).sort()).toEqual(operations.sort())
  await blobs.close()
  const ofBackend = Object.getOwnPropertyNames(MemoryBackend.prototype).filter((name) => name !== 'constructor')
  expect(Object.keys(traceChannels.backend).sort()).toEqual([...ofBackend, 'presign'].sort())
  expect(traceChannels.store.upload.start).toBe(channel('tracing:pds-blobstore:upload:start'))
  expect(traceChannels.backend.put.asyncEnd).toBe(channel('tracing:pds-blobstore:backend:put:asyncEnd'))
})

test('without subscribers a call is passed on directly: no promise around it', async () => {
  const inner = new MemoryBackend()
  const promise = Promise.resolve(null)
  vi.spyOn(inner, 'get').mockReturnValue(promise)
  const backend = tracedBackend(inner)
  expect(backend.get('key')).toBe(promise)
  using _listener = new Listener()
  expect(backend.get('key')).not.toBe(promise)
})

test('a backend without addresses stays one, and keeps its properties', () => {
  const inner = new MemoryBackend({ name: 'ours' })
  const backend = tracedBackend(inner)
  expect('presign' in backend).toBe(false)
  expect([backend.name, backend.durable]).toEqual(['ours', false])
  Object.assign(inner, { durable: true }) // known, in some, only once they are open
  expect(backend.durable).toBe(true)
})

test('a backend with a location keeps it in each wrapper', () => {
  const inner = Object.assign(new MemoryBackend(), { location: 's3://ours' })
  for (const wrapped of [tracedBackend(inner), faultyBackend(inner, { faults: [] })]) {
    expect(wrapped.location).toBe('s3://ours')
  }
  expect('location' in tracedBackend(new MemoryBackend())).toBe(false)
})

test('takedowns, references and deleted accounts are published with their account', async () => {
  using listener = new Listener()
  const blobs = memoryBlobStore()
  const image = await blobs.upload(alice, bytes)
  const cid = String(image.ref)
  await post(blobs, alice, '1', image)
  expect(await blobs.recordsFor(alice, cid)).toEqual([uriOf(alice, '1')])
  await blobs.takedown(alice, cid, { ref: 'case 7' })
  await blobs.deleteAccount(alice)
  expect(listener.ends('recordsFor')).toEqual([{ operation: 'recordsFor', did: alice, cid, result: { items: 1 } }])
  expect(listener.ends('takedown')).toEqual([{ operation: 'takedown', did: alice, cid, result: undefined }])
  expect(listener.ends('deleteAccount')).toMatchObject([{ did: alice }])
  await blobs.close()
})
