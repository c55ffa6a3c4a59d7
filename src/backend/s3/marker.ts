import { createHash } from 'node:crypto'
import { bytesInMemory } from './object-body.ts'
import { getObject, putObject } from './objects.ts'
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
