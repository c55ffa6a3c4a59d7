import { Readable } from 'node:stream'
import { type GetObjectCommand, type GetObjectCommandOutput, HeadObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { S3Backend } from '../../../src/s3.ts'
import { collect, makeBlob } from '../../../src/testing/blobs.ts'

/** A backend on a client with this response, and the bodies that it returned. */
function answering(answer: () => Partial<GetObjectCommandOutput>) {
  const bodies: Readable[] = []
  const send = async (command: GetObjectCommand | HeadObjectCommand) => {
    if (command instanceof HeadObjectCommand) throw Object.assign(new Error(), { $metadata: { httpStatusCode: 403 } })
    const body = Readable.from([Buffer.from('0123456789')])
    bodies.push(body)
    return { Body: body, ...answer() }
  }
  return { backend: new S3Backend({ bucket: 'blobs', client: { send, config: {} } as never }), bodies }
}

const { key } = makeBlob(1)
const refused = {
  code: 'StorageFailed',
  message: expect.stringContaining('did not send the requested bytes'),
}

// Fails when some of the refusals do not release the body: its socket would never be free.
describe('a response of S3 is refused, and its body destroyed', () => {
  test('if it does not state its length', async () => {
    const { backend, bodies } = answering(() => ({}))
    await expect(backend.get(key)).rejects.toMatchObject(refused)
    await expect(backend.get(key, { expectedSize: 10 })).rejects.toMatchObject(refused)
    await expect(backend.readMarker()).rejects.toMatchObject({ code: 'StorageFailed' })
    await expect(backend.has(key)).rejects.toMatchObject(refused)
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true])
  })

  test('if it is not the requested range: the whole object or only a part', async () => {
    const answers: Partial<GetObjectCommandOutput>[] = [
      { ContentLength: 10 },
      { ContentLength: 10, ContentRange: 'bytes 0-9/100' },
      { ContentLength: 3, ContentRange: 'bytes 2-4/100' },
      { ContentLength: 4, ContentRange: 'bytes 2-5/*' },
      { ContentRange: 'bytes 2-5/100' },
    ]
    for (const answer of answers) {
      const { backend, bodies } = answering(() => answer)
      await expect(backend.get(key, { range: { start: 2, end: 5 } })).rejects.toMatchObject(refused)
      expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true])
    }
  })

  test('if the range ends after the object', async () => {
    const { backend, bodies } = answering(() => ({ ContentLength: 3, ContentRange: 'bytes 7-9/10' }))
    await expect(backend.get(key, { range: { start: 7, end: 12 } })).rejects.toMatchObject({ code: 'InvalidRange' })
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true])
  })

  test('if fewer or more bytes come than it states', async () => {
    for (const [length, transient] of [
      [11, true],
      [9, false],
    ] as const) {
      const { backend, bodies } = answering(() => ({ ContentLength: length }))
      const object = await backend.get(key)
      await expect(collect(object?.body ?? Readable.from([]))).rejects.toMatchObject({
        code: 'StorageFailed',
        transient,
      })
      expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true])
    }
  })
})
