import { resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'
import { assertOneOf, assertOptions, assertWhole } from '../../options.ts'
import { checkBackendName } from '../arguments.ts'
import type { Floor } from '../files/free-space.ts'

export interface DiskBackendOptions {
  /**
   * A directory for this backend alone, on a local file system, or a symbolic link to one. Created if it is missing;
   * refused if it contains anything else. Several processes may use it at once.
   */
  root: string
  /** @default 'disk' */
  name?: string | undefined
  /**
   * `full`: every `put` and `delete` is on stable storage when it resolves. `relaxed` leaves writing back to the
   * kernel: it is faster, but a power cut loses acknowledged blobs. On Windows only `relaxed` is possible.
   * @default 'full'
   */
  durability?: 'full' | 'relaxed' | undefined
  /**
   * What must stay free on the device: uploads that would use it are refused with `StorageFull`.
   * @default { bytes: 67_108_864, inodes: 1000 }
   */
  minFree?: { bytes?: number | undefined; inodes?: number | undefined } | undefined
}

interface Resolved {
  /** Absolute. */
  root: string
  name: string
  durable: boolean
  minFree: Floor
}

/** @throws `InvalidArgument` */
export function resolveOptions(options: DiskBackendOptions): Resolved {
  assertOptions('DiskBackend', options, ['root', 'name', 'durability', 'minFree'])
  const { root, name = 'disk', durability = 'full', minFree = {} } = options
  if (typeof root !== 'string' || root === '' || root.includes('\0')) {
    throw new BlobStoreError('InvalidArgument', 'DiskBackend needs `root`, the path of a directory')
  }
  assertOneOf('DiskBackend: durability', durability, ['full', 'relaxed'])
  const { bytes = 64 * 1024 * 1024, inodes = 1000 } = minFree
  assertWhole('DiskBackend: minFree.bytes', bytes, 0)
  assertWhole('DiskBackend: minFree.inodes', inodes, 0)
  return {
    root: resolve(root),
    name: checkBackendName(name),
    // Windows has no fsync of a directory.
    durable: durability === 'full' && process.platform !== 'win32',
    minFree: { bytes, inodes },
  }
}
