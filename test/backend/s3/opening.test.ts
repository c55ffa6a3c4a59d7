import { Agent } from 'node:http'
import { inspect } from 'node:util'
import { PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3'
import { expect, onTestFinished, test } from 'vitest'
import { storeName } from '../../../src/cli/store-name.ts'
import { createBlobStore, sqliteMetadata } from '../../../src/index.ts'
import { S3Backend, type S3BackendOptions } from '../../../src/s3.ts'
import { assertHolds, putBlob } from '../../../src/testing/blobs.ts'
import { clientOf, createBucket } from '../../support/s3.ts'
import { openFixture, s3Address, s3Test } from './fixture.ts'

const secret = 'do-not-tell-this-secret'

/** All that a logger could write of an error. */
const allOf = (error: unknown): string => inspect(error, { depth: 10, showHidden: true })

async function rejection(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => {
      throw new Error('It did not reject')
    },
    (error: Error) => error,
  )
}

s3Test('an error about a bucket is in plain words, without credentials', async () => {
  const address = s3Address()
  const { place } = await openFixture()
  const right = { accessKeyId: address.accessKeyId, secretAccessKey: address.secretAccessKey }
  const wrong: [options: Partial<S3BackendOptions>, words: RegExp, transient: boolean][] = [
    [{ bucket: 'there-is-none' }, /there is no such bucket; create it/, false],
    [{ credentials: { ...right, secretAccessKey: secret } }, /does not accept the credentials/, false],
    [{ credentials: { accessKeyId: 'wrong-access-key', secretAccessKey: secret } }, /credentials/, false],
    [{ endpoint: 'http://127.0.0.1:9', credentials: right }, /cannot be reached/, true],
    [{ endpoint: 'http://there-is-none.invalid', credentials: right }, /cannot be reached/, true],
  ]
  for (const [options, words, transient] of wrong) {
    const backend = place.backend(options)
    const error = await rejection(backend.open())
    expect(error).toMatchObject({
      code: 'StorageFailed',
      message: expect.stringMatching(words),
      backend: 's3',
      transient,
    })
    for (const word of [secret, right.secretAccessKey, 'wrong-access-key', right.accessKeyId, 'AWS4']) {
      expect(allOf(error)).not.toContain(word)
    }
    await backend.close()
  }
})

s3Test('a bucket that may not be written to is refused when it is opened, not at the first upload', async () => {
  const { place, proxy } = await openFixture()
  const { accessKeyId, secretAccessKey } = s3Address()
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const backend = place.backend({ endpoint: proxy.endpoint, credentials: { accessKeyId, secretAccessKey } })
    proxy.fault = (request) =>
      request.method === method ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : undefined
    const error = await rejection(backend.open())
    expect(error.message).toMatch(/permission denied; the credentials need to list .* put, get and delete/)
    await backend.close()
  }
})

s3Test('opening leaves nothing in the bucket', async () => {
  const { place, open } = await openFixture()
  await open()
  expect(await place.names()).toEqual([])
})

s3Test('the logger gets a warning about a bucket that keeps versions', async () => {
  const address = s3Address()
  const name = `versions-${Date.now()}`
  await createBucket(address, name)
  const client = clientOf(address)
  const command = new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } })
  await client.send(command)
  client.destroy()
  const { place } = await openFixture()
  const warnings: string[] = []
  const ignore = () => {}
  const blobs = createBlobStore({
    backend: place.backend({ bucket: name }),
    metadata: sqliteMetadata(':memory:'),
    logger: { info: ignore, error: ignore, warn: (_, message) => warnings.push(message) },
  })
  onTestFinished(() => blobs.close())
  await blobs.ready()
  expect(warnings).toEqual([expect.stringMatching(/keeps versions/)])
})

s3Test('the logger gets a warning about a service that stores damaged bytes', async () => {
  const { place, proxy } = await openFixture()
  const { accessKeyId, secretAccessKey } = s3Address()
  const backend = place.backend({ endpoint: proxy.endpoint, credentials: { accessKeyId, secretAccessKey } })
  onTestFinished(() => backend.close())
  const warnings: string[] = []
  const ignore = () => {}
  const open = () =>
    backend.open({ logger: { info: ignore, error: ignore, warn: (_, message) => warnings.push(message) } })
  await open()
  expect(warnings).toEqual([])
  // Answers yes to what it should refuse.
  proxy.fault = ({ method, headers }) =>
    method === 'PUT' && headers['content-length'] === '1' ? { kind: 'answer', status: 200, body: '' } : undefined
  await open()
  expect(warnings).toEqual([expect.stringMatching(/damage in transit/)])
})

s3Test('a client of the host’s is used, and left open', async () => {
  const { place } = await openFixture()
  const client = clientOf(s3Address())
  const backend = place.backend({ client })
  await backend.open()
  await assertHolds(backend, await putBlob(backend, 1000))
  await backend.close()
  const again = place.backend({ client })
  await again.open()
  await again.close()
  client.destroy()
})

s3Test('a client that would retry uploads itself is refused', async () => {
  const { place } = await openFixture()
  const client = clientOf(s3Address())
  client.config.maxAttempts = async () => 3
  const error = await rejection(place.backend({ client }).open())
  expect(error).toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining('maxAttempts 3') })
  client.destroy()
})

s3Test('the bucket may be in the host name', async () => {
  const { place, proxy } = await openFixture()
  const { accessKeyId, secretAccessKey } = s3Address()
  // A name that resolves to this machine, as *.s3.localhost does on some machines and not on others.
  const port = new URL(proxy.endpoint).port
  const lookup = (_: string, options: { all?: boolean }, done: (...args: unknown[]) => void): void =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
  const client = new S3Client({
    endpoint: `http://s3.localhost:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { httpAgent: new Agent({ lookup: lookup as never }) },
  })
  const backend = place.backend({ client })
  await backend.open()
  await assertHolds(backend, await putBlob(backend, 1000))
  expect(proxy.requests.map(({ headers }) => headers.host)).toContain(`blobs.s3.localhost:${port}`)
  await backend.close()
  client.destroy()
})

test('the backend states its location, without credentials', () => {
  const client = new S3Client({ region: 'us-east-1', endpoint: 'https://elsewhere.example' })
  const locations: [options: Omit<S3BackendOptions, 'bucket'>, location: string][] = [
    [{}, 's3://blobs'],
    [{ prefix: 'pds' }, 's3://blobs/pds'],
    [{ prefix: 'a/b/', region: 'eu-central-1' }, 's3://blobs/a/b'],
    [{ endpoint: `https://key:${secret}@r2.example:9000/?token=${secret}` }, 's3://blobs at r2.example:9000'],
    [{ endpoint: `not an address, ${secret}` }, 's3://blobs'],
    [{ client }, 's3://blobs'],
  ]
  for (const [options, location] of locations) {
    expect(new S3Backend({ bucket: 'blobs', ...options }).location).toBe(location)
  }
  const backend = new S3Backend({ bucket: 'blobs', prefix: 'pds' })
  const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:') })
  onTestFinished(() => blobs.close())
  expect(storeName({ config: '/srv/store.mjs' }, blobs)).toContain('bytes in s3://blobs/pds, metadata')
})

test('invalid options are refused', () => {
  const make = (options: object) => () => new S3Backend({ bucket: 'blobs', ...options })
  for (const [options, words] of [
    [{ bucket: '' }, 'bucket'],
    [{ prefix: '/pds' }, 'prefix'],
    [{ prefix: 'a//b' }, 'prefix'],
    [{ prefix: '../a' }, 'prefix'],
    [{ partSize: 1024 }, 'partSize'],
    [{ multipartThreshold: 6e9 }, 'multipartThreshold'],
    [{ socketTimeout: 0 }, 'socketTimeout'],
    [{ secretKey: secret }, 'unknown option'],
    [{ name: 'S3!' }, 'name'],
  ] as const) {
    expect(make(options), words).toThrow(expect.objectContaining({ code: 'InvalidArgument' }))
    expect(make(options)).toThrow(words)
    expect(make(options)).not.toThrow(secret)
  }
})
