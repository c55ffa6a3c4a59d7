import { expect, test } from 'vitest'
import { defaultAccept, sniffMimeType } from '../../src/index.ts'
import { memoryBlobStore, sampleBlob, sampleBlobs } from '../../src/testing.ts'
import { alice } from '../support/samples.ts'

const saysNothing = ['text/plain', 'text/html', 'image/svg+xml', 'application/json']

test.each(sampleBlobs)('$fileName is $mimeType', async ({ bytes, mimeType }) => {
  expect(await sniffMimeType(bytes)).toBe(saysNothing.includes(mimeType) ? null : mimeType)
  expect(bytes.byteLength).toBeLessThan(2000)
})

test('there is a sample of every type that a store accepts by default', () => {
  const types = sampleBlobs.map(({ mimeType }) => mimeType)
  expect(types).toEqual(expect.arrayContaining([...defaultAccept]))
  expect(new Set(types).size).toBe(types.length)
  expect(() => sampleBlob('image/nothing')).toThrow(/there are image\/jpeg, /)
})

test('every sample is stored under its declared type', async () => {
  const blobs = memoryBlobStore({ limits: { accept: ['*/*'] } })
  for (const { bytes, mimeType } of sampleBlobs) {
    expect(await blobs.upload(alice, bytes, { mimeType })).toMatchObject({ mimeType, size: bytes.byteLength })
  }
  await blobs.close()
})

test('a test that changes the bytes of a sample affects no other', () => {
  sampleBlob('image/png').bytes.fill(0)
  expect(sampleBlob('image/png').bytes[1]).toBe('P'.charCodeAt(0))
})
