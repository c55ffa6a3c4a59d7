import { randomUUID } from 'node:crypto'
import { DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, onTestFinished } from 'vitest'
import { importPds } from '../../src/import.ts'
import { cidOfBytes } from '../../src/index.ts'
import { S3Tree } from '../../src/s3.ts'
import { s3Address, s3Test } from '../backend/s3/fixture.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { clientOf, createBucket } from '../support/s3.ts'
import { bytes } from '../support/samples.ts'
import { BusyPds, expectAll } from './busy-pds.ts'

// Fails when the bucket of a reference PDS is read under wrong names.

/** A bucket with these objects, deleted when the test is finished. */
async function bucketOf(objects: ReadonlyMap<string, Uint8Array>): Promise<S3Tree> {
  const { endpoint, ...credentials } = s3Address()
  const [Bucket, client] = [`import-${randomUUID()}`, clientOf(s3Address())]
  await createBucket(s3Address(), Bucket)
  const tree = new S3Tree({ bucket: Bucket, endpoint, credentials, forcePathStyle: true })
  onTestFinished(async () => {
    await tree.close()
    for (const Key of objects.keys()) await client.send(new DeleteObjectCommand({ Bucket, Key }))
    await client.send(new DeleteBucketCommand({ Bucket }))
    client.destroy()
  })
  for (const [Key, Body] of objects) await client.send(new PutObjectCommand({ Bucket, Key, Body }))
  return tree
}

s3Test('a reference PDS with its blobs in a bucket is imported like one with its blobs on disk', async () => {
  const pds = new BusyPds(3)
  for (let step = 0; step < 60; step++) pds.step()
  const objects = new Map<string, Uint8Array>()
  for (const [path, content] of pds.tree()) {
    const name = path.startsWith('tempt/') ? path.replace('tempt/', 'tmp/') : path
    objects.set(/^(tmp|quarantine)\//.test(name) ? name : `blocks/${name}`, Buffer.from(content, 'base64'))
  }
  const stray = cidOfBytes(bytes('stray'))
  objects.set(`blocks/did:plc:nobody/${stray}`, bytes('stray'))
  const [damaged] = [...pds.expected.values()].filter(({ seen }) => seen)
  if (!damaged) throw new Error('There is no blob')
  objects.set(`blocks/${damaged.did}/${damaged.cid}`, bytes('damaged'))

  const tree = await bucketOf(objects)
  const blobs = new FolderPlace().store()
  const { findings } = await importPds(blobs, { tree, actors: pds.actors })
  expect(findings.map(({ problem, did, cid }) => [problem, did, cid])).toEqual([
    ['damaged', damaged.did, damaged.cid],
    ['unknown', 'did:plc:nobody', stray],
  ])
  pds.expected.delete(`${damaged.did} ${damaged.cid}`)
  await expectAll(blobs, pds)
  pds.close()
})
