import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskBackend, type DiskBackendOptions } from '../../src/backend/disk/disk-backend.ts'
import { MemoryBackend } from '../../src/backend/memory.ts'
import type { BackendPlace } from '../../src/testing.ts'

export function memoryPlace(): BackendPlace {
  const backend = new MemoryBackend()
  return { backend: () => backend }
}

export async function diskPlace(options: Omit<DiskBackendOptions, 'root'> = {}): Promise<BackendPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'pds-blobstore-disk-'))
  return {
    backend: () => new DiskBackend({ root: join(directory, 'root'), ...options }),
    // Again and again: a case that failed may still have writes under way.
    remove: () => rm(directory, { recursive: true, maxRetries: 10 }),
  }
}
