import { createHash } from 'node:crypto'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { statusOf } from './meanings.ts'
import { bytesInMemory } from './object-body.ts'
import { getObject, objectHeaders, putObject } from './objects.ts'
import { readAll } from './reading.ts'
import { repeatedly, unlessRefused } from './retry.ts'
import type { Service } from './service.ts'

export async function readMarker(
  service: Service,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  return repeatedly(async () => {
    const object = await getObject(service, name, undefined, signal)
    return object && (await readAll(object, service, signal)).toString()
  }, signal)
}

/**
 * Written by `If-None-Match: *`, and once again: a service that does not refuse the second does not know the header, and then it
 * is to be claimed otherwise. Null says so.
 */
export async function claimMarker(
  service: Service,
  name: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const found = await readMarker(service, name, signal)
  if (found !== null) return found
  for (let put = 0; put < 2; put++) {
    const outcome = await putIfAbsent(service, name, marker, signal)
    if (outcome === 'unknown') return null
    if (outcome === 'refused') return await readMarker(service, name, signal)
  }
  return null
}

/** `unknown`: the service does not take such requests. */
async function putIfAbsent(
  service: Service,
  name: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<'written' | 'refused' | 'unknown'> {
  const input = { Bucket: service.bucket, Key: name, Body: marker, IfNoneMatch: '*', ...objectHeaders }
  try {
    await unlessRefused(
      () => service.request(signal, (options) => service.client.send(new PutObjectCommand(input), options)),
      signal,
    )
    return 'written'
  } catch (error) {
    switch (statusOf(error)) {
      case 412: // it is there
      case 409: // another is being written in this moment
        return 'refused'
      case 400:
      case 501:
        return 'unknown'
      default:
        throw error
    }
  }
}

/** The one object that is written more than once: services replace it in one step. */
export async function writeMarker(
  service: Service,
  name: string,
  marker: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = Buffer.from(marker)
  const sha256 = createHash('sha256').update(bytes).digest()
  await unlessRefused(() => putObject(service, name, bytesInMemory([bytes], bytes.byteLength, sha256), signal), signal)
}
