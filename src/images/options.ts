import { availableParallelism } from 'node:os'
import type { BlobBackend } from '../backend/backend.ts'
import type { BlobStore } from '../blob-store.ts'
import { type Logger, silent } from '../logger.ts'
import { assertDelay, assertOptions, assertWhole, invalidArgument } from '../options.ts'
import { blueskyPresets, checkPresets, type ImagePreset } from './presets.ts'

export interface ImageVariantsOptions {
  /** The store with the original blobs. Not closed together with the variants. */
  blobs: BlobStore
  /**
   * Where variants are stored: a backend for them alone, best one for each process, which is emptied whenever it opens.
   * A backend that belongs to a store is refused. Opened and closed together with the variants.
   */
  cache: BlobBackend
  /** The most bytes kept there. The least recently requested variants are deleted first. @default 1 GiB */
  cacheSize?: number | undefined
  /** The presets by their names in addresses. @default blueskyPresets */
  presets?: Readonly<Record<string, ImagePreset>> | undefined
  /** How many processes decode at once, one image each. @default 2, or 1 on a machine with one processor */
  workers?: number | undefined
  /** How many images may wait for a process; more are refused with `ImagesBusy`. @default 100 */
  queue?: number | undefined
  /** How long one image may take, including reading and excluding waiting, in milliseconds. @default 5000 */
  timeout?: number | undefined
  /** The largest blob that is decoded, in bytes. @default 32 MiB */
  maxInput?: number | undefined
  /** The largest product of width and height that is decoded, in pixels. @default 50 million */
  maxPixels?: number | undefined
  /** The most resident memory of a decoding process, in bytes, of which it needs 70 MiB itself. @default 512 MiB */
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
