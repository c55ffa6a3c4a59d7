import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlobStoreError, MemoryBackend } from 'pds-blobstore'
import { faultyBackend, memoryBlobStore, sampleBlob } from 'pds-blobstore/testing'
import { Avatars } from './avatars.ts'

const alice = 'did:plc:alice'
const png = sampleBlob('image/png')
const jpeg = sampleBlob('image/jpeg')

let revisions = 0
const nextRev = (): string => `3kyimv2x4zs${'234567abcdefghij'[++revisions]}a`

test('an avatar is the picture that was set last', async () => {
  const avatars = new Avatars(memoryBlobStore(), nextRev)
  assert.equal(await avatars.of(alice), null)
  assert.equal(await avatars.set(alice, png.bytes), 'set')
  assert.equal(await avatars.set(alice, jpeg.bytes), 'set')
  const avatar = await avatars.of(alice)
  assert.equal(avatar?.mimeType, 'image/jpeg')
  assert.deepEqual(new Uint8Array(avatar.bytes), jpeg.bytes)
})

test('a video is refused as an avatar, and the old one stays', async () => {
  const avatars = new Avatars(memoryBlobStore(), nextRev)
  await avatars.set(alice, png.bytes)
  assert.equal(await avatars.set(alice, sampleBlob('video/mp4').bytes), 'not an image')
  assert.equal((await avatars.of(alice))?.mimeType, 'image/png')
})

test('a picture that was replaced is deleted a day later', async () => {
  let time = Date.UTC(2026, 0, 1)
  const blobs = memoryBlobStore({ now: () => time })
  const avatars = new Avatars(blobs, nextRev)
  await avatars.set(alice, png.bytes)
  await avatars.set(alice, jpeg.bytes)
  time += blobs.times.grace
  assert.equal((await blobs.collect()).expiredBlobs, 1)
  assert.equal((await blobs.usage(alice)).count, 1)
})

test('a full disk is reported, not thrown', async () => {
  const full = new BlobStoreError('StorageFull', 'No space left')
  const backend = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'put', at: 1, error: full }] })
  assert.equal(await new Avatars(memoryBlobStore({ backend }), nextRev).set(alice, png.bytes), 'no space')
})
