import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { errnoOf } from '../../src/backend/files/system-calls.ts'
import { remoteError } from '../../src/backend/remote/errors.ts'
import { classifyS3Error } from '../../src/backend/s3/errors.ts'
import { findBlobRefs } from '../../src/index.ts'
import { isBlob, isError } from '../../src/shapes.ts'
import { memoryPlace } from '../support/places.ts'
import { alice, bytes, text } from '../support/samples.ts'

// As in Jest and vitest's `vmThreads`: the host's values are of another realm. Fails with `instanceof`.
const foreign = <T>(code: string): T => runInNewContext(code)

describe('values of another realm', () => {
  test('are uploaded: bytes, chunks, and a date', async () => {
    const blobs = memoryPlace().store()
    const whole = foreign<Uint8Array>('new Uint8Array([104, 105])')
    expect(whole instanceof Uint8Array, 'it is foreign').toBe(false)
    const createdAt = foreign<Date>('new Date(1000)')
    const { ref } = await blobs.upload(alice, whole, { createdAt })
    expect(await text((await blobs.read(alice, ref, { as: 'account' })).chunks)).toBe('hi')
    expect((await blobs.stat(alice, ref, { as: 'account' }))?.createdAt.getTime()).toBe(1000)
    const chunks = foreign<AsyncIterable<Uint8Array>>('(async function* () { yield new Uint8Array([1, 2, 3]) })()')
    expect((await blobs.upload(alice, chunks)).size).toBe(3)
    const { stream, arrayBuffer, size } = { stream: () => new Blob(['abcd']).stream(), arrayBuffer: () => 0, size: 4 }
    expect((await blobs.upload(alice, { stream, arrayBuffer, size } as never)).size).toBe(4)
  })

  test('are searched for references: a record in its bytes', () => {
    const block = foreign<Uint8Array>('new Uint8Array([0xa0])')
    expect(findBlobRefs(block)).toEqual([])
  })

  test('are recognized as errors of the file system and of the network', () => {
    const failure = foreign<Error>("Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })")
    expect(errnoOf(failure)).toBe('ENOSPC')
    const refused = foreign<Error>("Object.assign(new Error('refused'), { code: 'ECONNREFUSED', syscall: 'connect' })")
    const told = remoteError(refused, { verb: 'list', backend: 's3' }, classifyS3Error)
    expect(told).toMatchObject({ transient: true, message: expect.stringContaining('cannot be reached') })
  })

  test('are recognized by their properties, and nothing else is taken for one', () => {
    expect(isError(new DOMException('ended', 'AbortError'))).toBe(true)
    for (const other of [null, undefined, 'Error', { message: 'a' }, () => {}]) expect(isError(other)).toBe(false)
    for (const other of [null, bytes('a'), { size: 1 }, new Blob(['a']).stream()]) expect(isBlob(other)).toBe(false)
  })
})
