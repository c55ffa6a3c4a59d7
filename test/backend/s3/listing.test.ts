import { PutObjectCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { listAll, putBlobs } from '../../../src/testing/blobs.ts'
import { sharedBucket } from '../../support/s3.ts'
import { openFixture, s3Test } from './fixture.ts'

s3Test('what somebody else put into the bucket is not listed, whatever its name, and hides nothing', async () => {
  const { place, open } = await openFixture()
  const backend = await open()
  await backend.writeMarker('mine')
  const names = ['blobs/', 'blobs/a', 'blobs/bafkrei', 'blobs/zz/z', 'blobs/ä & <b> +%20\u0001', 'blobsx', 'other/a']
  for (const name of names) {
    await place.client.send(new PutObjectCommand({ Bucket: sharedBucket, Key: place.prefix + name, Body: 'a' }))
  }
  const keys = (await putBlobs(backend, 30)).map(({ key }) => key).sort()
  for (const limit of [1, 7, 1000]) expect((await listAll(backend, limit)).sort()).toEqual(keys)
})

s3Test('two prefixes of one bucket do not see each other', async () => {
  const [one, other] = [await openFixture(), await openFixture()]
  const [first, second] = [await one.open(), await other.open({ prefix: `${one.place.prefix}inner` })]
  const { length } = await putBlobs(first, 3)
  await putBlobs(second, 2)
  expect((await listAll(first)).length).toBe(length)
  expect((await listAll(second)).length).toBe(2)
  await first.writeMarker('first')
  expect(await second.readMarker()).toBeNull()
})
