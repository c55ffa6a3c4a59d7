import { availableParallelism } from 'node:os'
import type { BlobBackend } from '../backend/backend.ts'
import type { BlobStore } from '../blob-store.ts'
import { type Logger, silent } from '../logger.ts'
import { assertDelay, assertOptions, assertWhole, invalidArgument } from '../options.ts'
import { blueskyPresets, checkPresets, type ImagePreset } from './presets.ts'

export interface ImageVariantsOptions {
  /** The store whose blobs they are made of. Not closed with them. */
  blobs: BlobStore
  /**
   * Where variants are kept: a place of their own, which is emptied whenever it opens, and best one for each process.
   * Never a store's: that is refused. Opened and closed with them.
   */
  cache: BlobBackend
  /** How much is kept there, in bytes. Those not asked for the longest go first. @default 1 GiB */
  cacheSize?: number | undefined
  /** By the names they have in addresses. @default blueskyPresets */
  presets?: Readonly<Record<string, ImagePreset>> | undefined
  /** How many processes decode at once, one image each. @default 2, or 1 where there is one processor */
  workers?: number | undefined
  /** How many images may wait to be made; more are `ImagesBusy`. @default 100 */
  queue?: number | undefined
  /** How long one image may take, reading it included and waiting not, in milliseconds. @default 5000 */
  timeout?: number | undefined
  /** How large a blob may be to be decoded, in bytes. @default 32 MiB */
  maxInput?: number | undefined
  /** Width times height of what is decoded. @default 50 million */
  maxPixels?: number | undefined
  /** Resident memory of a process that decodes, in bytes, of which 70 MiB are its own. @default 512 MiB */
  maxMemory?: number | undefined
  /** Where sharp is, if it is not found from here: `import.meta.resolve('sharp')`. @default 'sharp' */
  sharp?: string | undefined
  /** @default silent */
  logger?: Logger | undefined
}

type Resolved = { [Name in keyof ImageVariantsOptions]-?: NonNullable<ImageVariantsOptions[Name]> }

const MiB = 1024 * 1024

/** @throws `InvalidArgument` */
export function resolveOptions(options: ImageVariantsOptions): Resolved {
  const what = 'createImageVariants'
  assertOptions(what, options, [
    ...['blobs', 'cache', 'cacheSize', 'presets', 'workers', 'queue', 'timeout'],
    ...['maxInput', 'maxPixels', 'maxMemory', 'sharp', 'logger'],
  ])
  const { blobs, cache } = options
  if (typeof blobs?.stat !== 'function') throw invalidArgument(what, 'blobs is missing, a blob store')
  if (typeof cache?.put !== 'function') throw invalidArgument(what, 'cache is missing, a backend of its own')
  const resolved: Resolved = {
    blobs,
    cache,
    cacheSize: options.cacheSize ?? 1024 * MiB,
    presets: options.presets ?? blueskyPresets,
    workers: options.workers ?? Math.min(2, availableParallelism()),
    queue: options.queue ?? 100,
    timeout: options.timeout ?? 5000,
    maxInput: options.maxInput ?? 32 * MiB,
    maxPixels: options.maxPixels ?? 50_000_000,
    maxMemory: options.maxMemory ?? 512 * MiB,
    sharp: options.sharp ?? 'sharp',
    logger: options.logger ?? silent,
  }
  checkPresets(`${what}: presets`, resolved.presets)
  assertWhole(`${what}: cacheSize`, resolved.cacheSize, 0)
  assertWhole(`${what}: workers`, resolved.workers, 1)
  assertWhole(`${what}: queue`, resolved.queue, 0)
  assertDelay(`${what}: timeout`, resolved.timeout, 1)
  assertWhole(`${what}: maxInput`, resolved.maxInput, 1)
  assertWhole(`${what}: maxPixels`, resolved.maxPixels, 1)
  assertWhole(`${what}: maxMemory`, resolved.maxMemory, 128 * MiB)
  return resolved
}
