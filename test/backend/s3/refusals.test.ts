import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { remoteError } from '../../../src/backend/remote/errors.ts'
import { classifyS3Error } from '../../../src/backend/s3/errors.ts'
import { assertHolds, putBlob } from '../../../src/testing/blobs.ts'
import { clientOf } from '../../support/s3.ts'
import { openFixture, s3Address, s3Test } from './fixture.ts'

describe('a clock that is wrong', () => {
  // Fails without `RequestTimeTooSkewed` among the transient codes: the first request after a jump would fail.
  s3Test('is corrected for at the second attempt, and the first attempt did nothing', async () => {
    const { place } = await openFixture()
    const client = clientOf(s3Address())
    const backend = place.backend({ client })
    onTestFinished(async () => {
      await backend.close()
      client.destroy()
    })
    await backend.open()
    const jump = (): void => {
      client.config.systemClockOffset = 3 * 3_600_000
    }
    // From now on the SDK has a wrong belief about the service's clock, as after a jump of this machine's.
    jump()
    const blob = await putBlob(backend, 1000)
    jump()
    await assertHolds(backend, blob)
    jump()
    expect(await backend.has(blob.key), 'a HEAD has no body that could say so').toBe(true)
    jump()
    expect(await backend.delete([blob.key])).toEqual(new Map())
  })

  s3Test('is reported as a transient error', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    proxy.fault = () => ({ kind: 'refuse', status: 403, code: 'RequestTimeTooSkewed' })
    await expect(backend.list()).rejects.toMatchObject({ transient: true, message: expect.stringMatching(/clock/) })
  })
})

describe('credentials that are missing or expired', () => {
  // Fails when `Bucket.send` leaves fetching credentials to the SDK: then the message is "the service refused".
  s3Test('are fetched again, and nothing was sent meanwhile', async () => {
    const { proxy, place } = await openFixture()
    const { accessKeyId, secretAccessKey } = s3Address()
    let left = 0
    const credentials = async () => {
      if (left-- > 0) throw new Error('the vault says: hvs.do-not-tell')
      // They count as expired, so each request fetches them.
      return { accessKeyId, secretAccessKey, expiration: new Date(Date.now() + 1000) }
    }
    const backend = place.backend({ endpoint: proxy.endpoint, credentials })
    onTestFinished(() => backend.close())
    await backend.open()
    left = 2
    const blob = await putBlob(backend, 10)
    await assertHolds(backend, blob)
    proxy.reset()
    left = 100
    const error = await backend.list().then(
      () => null,
      (error: Error) => error,
    )
    expect(error).toMatchObject({ transient: true, message: expect.stringMatching(/nothing was sent.*credentials/) })
    expect(JSON.stringify([error?.message, String(error?.cause)])).not.toContain('hvs')
    expect(proxy.requests).toEqual([])
  })

  s3Test('are reported as expired if the service says so, and the request is sent again', async () => {
    const { open, proxy } = await openFixture()
    const backend = await open()
    proxy.fault = () =>
      proxy.requests.length === 1 ? { kind: 'refuse', status: 400, code: 'ExpiredToken' } : undefined
    await putBlob(backend, 10)
    proxy.fault = () => ({ kind: 'refuse', status: 400, code: 'ExpiredToken' })
    await expect(backend.list()).rejects.toMatchObject({ transient: true, message: expect.stringMatching(/expired/) })
  })
})

describe('what is wrong with the connection', () => {
  const told = (error: object): unknown => remoteError(error, { verb: 'store it', backend: 's3' }, classifyS3Error)
  const failure = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code }, more)

  // Fails when errors of sockets and files are distinguished by their codes.
  test('is never reported as an error of the file system', () => {
    for (const [error, words] of [
      [failure('EPROTO', { syscall: 'write', errno: -71 }), /TLS failed/],
      [failure('ERR_SSL_WRONG_VERSION_NUMBER'), /TLS failed/],
      [failure('CERT_HAS_EXPIRED'), /certificate/],
      [failure('DEPTH_ZERO_SELF_SIGNED_CERT'), /certificate/],
      [failure('ERR_TLS_CERT_ALTNAME_INVALID'), /certificate/],
      [failure('EAI_FAIL', { syscall: 'getaddrinfo' }), /cannot be reached/],
      [failure('ESERVFAIL', { syscall: 'queryA' }), /cannot be reached/],
      [failure('EACCES', { syscall: 'connect' }), /cannot be reached/],
      [failure('EPERM', { syscall: 'connect' }), /cannot be reached/],
      [failure('EIO', { syscall: 'read' }), /connection was cut/],
      [failure('ECONNABORTED', { syscall: 'write' }), /connection was cut/],
      [failure('EMFILE', { syscall: 'connect' }), /too many files/],
    ] as const) {
      expect(told(error)).toMatchObject({
        code: 'StorageFailed',
        transient: true,
        message: expect.stringMatching(words),
      })
    }
  })

  s3Test('is reported as a TLS error if the service has no TLS', async () => {
    const server: Server = createServer((_, answer) => void answer.end()).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => void server.close())
    const { place } = await openFixture()
    const backend = place.backend({ endpoint: `https://127.0.0.1:${(server.address() as AddressInfo).port}` })
    onTestFinished(() => backend.close())
    await expect(backend.open()).rejects.toMatchObject({
      transient: true,
      message: expect.stringMatching(/TLS failed/),
    })
  })
})
