import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskBackend } from '../../src/backend/disk/disk-backend.ts'
import type { DiskBackendOptions } from '../../src/backend/disk/options.ts'
import { MemoryBackend } from '../../src/backend/memory.ts'
import { ObjectBackend } from '../../src/backend/remote/object-backend.ts'
import type { BackendPlace } from '../../src/testing.ts'
import type { S3Address } from '../servers/ceph.ts'
import { S3Place } from '../support/s3.ts'
import { mapService } from './remote/map-service.ts'

export function memoryPlace(): BackendPlace {
  const backend = new MemoryBackend()
  return { backend: () => backend }
}

export async function diskPlace(options: Omit<DiskBackendOptions, 'root'> = {}): Promise<BackendPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'pds-blobstore-disk-'))
  return {
    backend: () => new DiskBackend({ root: join(directory, 'root'), ...options }),
    // Repeated, because a case that failed may still have running writes.
    remove: () => rm(directory, { recursive: true, maxRetries: 10 }),
  }
}

export async function objectPlace(): Promise<BackendPlace> {
  const spoolDirectory = await mkdtemp(join(tmpdir(), 'pds-blobstore-objects-'))
  const service = mapService()
  return {
    backend: () => new ObjectBackend({ service, name: 'objects', durable: true, spoolDirectory }),
    remove: () => rm(spoolDirectory, { recursive: true, maxRetries: 10 }),
  }
}

export function s3Place(address: S3Address): BackendPlace {
  const place = new S3Place(address)
  return { backend: () => place.backend(), remove: () => place.remove() }
}
