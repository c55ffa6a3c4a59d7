import { readdirSync } from 'node:fs'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { expect } from 'vitest'
import { type BlobBackend, isBlobStoreError } from '../../../src/index.ts'
import { assertHolds, type TestBlob } from '../../../src/testing/blobs.ts'
import { sharedBucket } from '../../support/s3.ts'
import type { Fixture } from './fixture.ts'

// What must hold after any fault: acknowledged bytes are there, served bytes are right, and neither sockets nor parts
// nor spools are left.

export const tenths: readonly number[] = Array.from({ length: 11 }, (_, n) => n / 10)
export const impatient = { socketTimeout: 300, requestTimeout: 600 }

export async function putFromSpool(backend: BlobBackend, blob: TestBlob): Promise<void> {
  const spool = await backend.spool()
  for (let at = 0; at < blob.bytes.byteLength; at += 1024 * 1024) {
    await spool.write([blob.bytes.subarray(at, at + 1024 * 1024)])
  }
  const { size, sha256 } = blob.body
  await backend.put(blob.key, { size, sha256, spool })
}

/** The two ways into a backend. */
export const ways: [name: string, put: (backend: BlobBackend, blob: TestBlob) => Promise<void>][] = [
  ['memory', (backend, blob) => backend.put(blob.key, blob.body)],
  ['spool', putFromSpool],
]

/** `true` when it was acknowledged, otherwise the error's message; the error must be transient. */
export async function outcome(call: Promise<unknown>): Promise<true | string> {
  try {
    await call
    return true
  } catch (error) {
    if (!isBlobStoreError(error)) throw error
    expect(error.code).toBe('StorageFailed')
    expect(error.transient, error.message).toBe(true)
    expect(error.backend).toBe('s3')
    return error.message
  }
}

/** Under the key, read without the proxy, is the whole blob or nothing. */
export async function wholeOrNothing({ place }: Fixture, blob: TestBlob): Promise<'whole' | 'nothing'> {
  const honest = place.backend()
  try {
    if (!(await honest.has(blob.key))) return 'nothing'
    await assertHolds(honest, blob)
    return 'whole'
  } finally {
    await honest.close()
  }
}

export async function partsLeft({ place }: Fixture): Promise<number> {
  const command = new ListMultipartUploadsCommand({ Bucket: sharedBucket, Prefix: place.prefix })
  return (await place.client.send(command)).Uploads?.length ?? 0
}

export async function nothingIsLeft(fixture: Fixture): Promise<void> {
  expect(readdirSync(fixture.place.spools)).toEqual([])
  expect(await partsLeft(fixture)).toBe(0)
}
