import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AtpAgent } from '@atproto/api'
import express from 'express'
import { XrpcError } from 'pds-blobstore/express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { videoRoutes } from '../../examples/video/routes.ts'
import { cidOfBytes } from '../../src/index.ts'
import { memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { alice, bob } from '../support/samples.ts'

// With the official client, over a socket.

const MiB = 1024 * 1024
const blobs = memoryBlobStore({ limits: { maxBlobSize: 30 * MiB, accept: ['video/*'] } })
const accounts: Record<string, string> = { 'Bearer alice': alice, 'Bearer bob': bob }
const didOf = async (req: express.Request) => {
  const did = accounts[req.headers.authorization ?? '']
  if (!did) throw new XrpcError(401, 'AuthenticationRequired', 'Log in first')
  return did
}
const server = createServer(express().use('/xrpc', videoRoutes(blobs, didOf)))
const agentOf = (who: string) => {
  const agent = new AtpAgent({ service: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  agent.setHeader('authorization', `Bearer ${who}`)
  return agent.app.bsky.video
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await blobs.close()
})

/** A video of this size: a real beginning, then bytes that differ. */
function videoOf(size: number): Uint8Array<ArrayBuffer> {
  const video = new Uint8Array(size)
  for (let at = 0; at < size; at++) video[at] = (at * 31 + (at >> 11)) & 255
  video.set(sampleBlob('video/mp4').bytes.subarray(0, 1000))
  return video
}

const options = { encoding: 'application/octet-stream' } as const

test('a video arrives in parts, at once, in any order and twice, and becomes a blob', async () => {
  const api = agentOf('alice')
  const video = videoOf(12 * MiB + 7)
  const { data } = await api.startUpload({ sizeBytes: video.length, mimeType: 'video/mp4', name: 'a.mp4' })
  const { jobId, partSizeBytes, partCount } = data
  expect([partSizeBytes, partCount]).toEqual([5 * MiB, 3])
  expect(Date.parse(data.expiresAt)).toBeGreaterThan(Date.now())
  const put = async (partNumber: number) => {
    const part = video.slice((partNumber - 1) * partSizeBytes, partNumber * partSizeBytes)
    return (await api.uploadPart(part, { ...options, qp: { jobId, partNumber } })).data
  }
  expect(await put(3)).toEqual({ partNumber: 3, sizeBytes: 2 * MiB + 7 })
  expect((await api.getUploadStatus({ jobId })).data).toMatchObject({ jobId, receivedParts: [3], state: 'created' })
  await expect(api.finishUpload({ jobId })).rejects.toMatchObject({ error: 'MissingParts' })
  await Promise.all([put(2), put(1), put(3), put(2)])
  const done = (await api.finishUpload({ jobId })).data
  expect(done).toMatchObject({ completedJobId: jobId, jobStatus: { jobId, did: alice, state: 'JOB_STATE_COMPLETED' } })
  expect(String(done.jobStatus.blob?.ref)).toBe(cidOfBytes(video))
  const stored = await (await blobs.read(alice, cidOfBytes(video), { as: 'account' })).bytes()
  expect(Buffer.compare(stored, video)).toBe(0)
  // Asked again, it says the same.
  expect((await api.finishUpload({ jobId })).data.jobStatus.blob?.size).toBe(video.length)
  expect((await api.getUploadStatus({ jobId })).data).toMatchObject({ state: 'completed', completedJobId: jobId })
  expect((await api.abortUpload({ jobId })).data).toEqual({ state: 'completed', completedJobId: jobId })
  expect(await blobs.usage(alice)).toMatchObject({ count: 1, reserved: 0 })
})

test('an aborted upload is gone, and its space is free', async () => {
  const api = agentOf('bob')
  const { jobId } = (await api.startUpload({ sizeBytes: 6 * MiB, mimeType: 'video/mp4' })).data
  await api.uploadPart(videoOf(5 * MiB), { ...options, qp: { jobId, partNumber: 1 } })
  expect((await blobs.usage(bob)).reserved).toBe(6 * MiB)
  expect((await api.abortUpload({ jobId })).data).toEqual({ state: 'aborted' })
  expect((await blobs.usage(bob)).reserved).toBe(0)
  await expect(api.getUploadStatus({ jobId })).rejects.toMatchObject({ error: 'UploadNotFound' })
})

describe('what went wrong has the name of the Lexicon:', () => {
  test('a video that is too large, or that no video is', async () => {
    const api = agentOf('alice')
    const tooLarge = api.startUpload({ sizeBytes: 30 * MiB + 1, mimeType: 'video/mp4' })
    await expect(tooLarge).rejects.toMatchObject({ error: 'VideoTooLarge' })
    const { jobId } = (await api.startUpload({ sizeBytes: 5, mimeType: 'text/plain' })).data
    await api.uploadPart(Buffer.from('hello'), { ...options, qp: { jobId, partNumber: 1 } })
    await expect(api.finishUpload({ jobId })).rejects.toMatchObject({ error: 'UnsupportedContentType' })
  })

  test('a part of another length or number', async () => {
    const api = agentOf('alice')
    const { jobId } = (await api.startUpload({ sizeBytes: 10, mimeType: 'video/mp4' })).data
    const put = (partNumber: number, size: number) =>
      api.uploadPart(new Uint8Array(size), { ...options, qp: { jobId, partNumber } })
    await expect(put(1, 9)).rejects.toMatchObject({ error: 'PartSizeMismatch' })
    await expect(put(1, 11)).rejects.toMatchObject({ error: 'PartSizeMismatch' })
    await expect(put(2, 10)).rejects.toMatchObject({ error: 'InvalidPartNumber' })
    await api.abortUpload({ jobId })
  })

  test('too many uploads, and another account’s', async () => {
    const api = agentOf('bob')
    const begin = () => api.startUpload({ sizeBytes: 10, mimeType: 'video/mp4' })
    const begun = await Promise.all(Array.from({ length: 16 }, begin))
    await expect(begin()).rejects.toMatchObject({ error: 'TooManyOpenUploads' })
    const jobId = begun[0]?.data.jobId ?? ''
    await expect(agentOf('alice').getUploadStatus({ jobId })).rejects.toMatchObject({ error: 'UploadNotFound' })
    for (const { data } of begun) await api.abortUpload({ jobId: data.jobId })
    await expect(agentOf('nobody').getUploadStatus({ jobId })).rejects.toMatchObject({ status: 401 })
  })
})
