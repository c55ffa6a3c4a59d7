import { sys } from '../files/system-calls.ts'
import { putParts } from './multipart.ts'
import { bytesInMemory, bytesOfFile, type ObjectBody } from './object-body.ts'
import { putObject } from './objects.ts'
import { unlessRefused } from './retry.ts'
import { onDisk } from './s3-error.ts'
import type { S3Spool } from './s3-spool.ts'
import type { Service } from './service.ts'

// How the bytes of a `put` go to the service. Errors are bare.

interface About {
  size: number
  sha256: Uint8Array
}

export async function putChunks(
  service: Service,
  name: string,
  chunks: readonly Uint8Array[],
  { size, sha256 }: About,
  signal: AbortSignal | undefined,
): Promise<void> {
  await putWhole(service, name, bytesInMemory(chunks, size, sha256), signal)
}

/** In parts, where it is large. `underWay` gets the ids of uploads in parts for as long as they are. */
export async function putSpool(
  service: Service,
  name: string,
  spool: S3Spool,
  { size, sha256 }: About,
  underWay: Set<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fd = await onDisk(() => spool.file.openToRead())
  try {
    if (size > service.limits.multipartThreshold) {
      await putParts(service, name, { fd, size, digests: spool.partDigests() }, underWay, signal)
    } else {
      await putWhole(service, name, bytesOfFile(fd, 0, size, sha256), signal)
    }
  } finally {
    await sys.closeRead(fd)
  }
}

async function putWhole(
  service: Service,
  name: string,
  body: ObjectBody,
  signal: AbortSignal | undefined,
): Promise<void> {
  await unlessRefused(() => putObject(service, name, body, signal), signal)
}
