import { type ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import type { KeyPage } from '../../../src/index.ts'
import { S3Backend } from '../../../src/s3.ts'
import { listAll, makeBlob, putBlobs } from '../../../src/testing/blobs.ts'
import { sharedBucket } from '../../support/s3.ts'
import { openFixture, s3Test } from './fixture.ts'

s3Test('foreign objects in the bucket are not listed, whatever their names, and hide nothing', async () => {
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

// Fails when `listKeys` trusts the service's list.
test('a service that lists the starting name again causes no key to be listed twice', async () => {
  const keys = Array.from({ length: 12 }, () => makeBlob(1).key).sort()
  const stored = ['a', 'b'].map((name) => `pds/blobs/${name}`).concat(keys.map((key) => `pds/blobs/${key}`))
  const inclusive = {
    async send({ input }: ListObjectsV2Command) {
      const from = stored.filter((name) => name >= (input.StartAfter ?? ''))
      const page = from.slice(0, input.MaxKeys)
      return { Contents: page.map((Key) => ({ Key })), IsTruncated: page.length < from.length }
    },
    config: {},
  }
  const backend = new S3Backend({ bucket: 'bucket', prefix: 'pds/', client: inclusive as never })
  for (const limit of [1, 2, 7, 1000]) {
    const listed: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: KeyPage = await backend.list({ cursor, limit })
      expect(page.keys.length).toBeLessThanOrEqual(limit)
      expect(listed.length, 'it does not go on for ever').toBeLessThan(keys.length)
      listed.push(...page.keys)
      cursor = page.cursor
    }
    expect(listed).toEqual(keys)
  }
})
