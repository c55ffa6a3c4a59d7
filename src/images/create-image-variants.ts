import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertSpaceUri, type SpaceUri } from '../blob/spaces.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { assertOptions } from '../options.ts'
import type { StatOptions } from '../store/calls.ts'
import { findDimensions } from './dimensions/dimensions.ts'
import type { FoundDimensions, Source } from './dimensions/header.ts'
import { type ImageVariants, refused } from './image-variants.ts'
import { assertInstalled } from './installed.ts'
import { NegativeCache } from './negative-cache.ts'
import { type ImageVariantsOptions, resolveOptions } from './options.ts'
import { WorkerPool } from './pool/worker-pool.ts'
import { type Recipe, recipeId, recipeOf } from './presets.ts'
import { SingleFlight } from './single-flight.ts'
import { type Forgotten, idOf, matches, VariantCache, type VariantName } from './variant-cache.ts'

const decoded = ['jpeg', 'png', 'gif', 'webp', 'avif']

/**
 * Creates image variants over a store. Starts and opens nothing yet.
 *
 * @throws `InvalidArgument`, and `ImagesFailed` if sharp is not installed
 * @example
 * ```ts
 * import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
 * import { createImageVariants, type ImageVariants } from 'pds-blobstore/images'
 *
 * const blobs = createBlobStore({
 *   backend: new DiskBackend({ root: 'data/blobs' }),
 *   metadata: sqliteMetadata('data/blobs.sqlite'),
 *   hooks: { onInaccessible: (event) => images.forget(event) },
 * })
 * const images: ImageVariants = createImageVariants({
 *   blobs,
 *   cache: new DiskBackend({ root: 'data/variants', durability: 'relaxed' }),
 * })
 * ```
 */
export function createImageVariants(options: ImageVariantsOptions): ImageVariants {
  const settings = resolveOptions(options)
  const { blobs, presets, maxInput, maxPixels } = settings
  assertInstalled(settings.sharp)
  const cache = new VariantCache(settings.cache, settings.cacheSize, settings.logger)
  const pool = new WorkerPool(settings)
  const flights = new SingleFlight<VariantName, Uint8Array>(idOf)
  const refusals = new NegativeCache()
  let opening: Promise<void> | undefined
  let closing: Promise<void> | undefined

  return {
    blobs,
    presets,
    async ready() {
      await open()
      await pool.check()
    },
    close,
    [Symbol.asyncDispose]: close,
    forget: (event) => forget(forgottenBy(event)),
    async variant(did, cidLike, preset, options = {}) {
      assertOptions('variant', options, ['format', 'space', 'signal'])
      const { format, space, signal } = options
      if (space !== undefined) assertSpaceUri('variant: space', space)
      const recipe = recipeOf(presets, preset, format)
      await open()
      const blob = await visible(did, cidLike, space, signal)
      const name = { did, cid: blob.cid, space: space ?? null, recipe: recipeId(recipe) }
      const bytes = await flights.run(name, signal, async (signal) => {
        return (await cache.get(name, signal)) ?? (await make(name, blob, recipe, signal))
      })
      return { blob, mimeType: `image/${recipe.format}`, bytes }
    },
    async dimensions(did, cidLike, options = {}) {
      const blob = await blobs.stat(did, cidLike, options)
      if (!blob) throw notFound(did, parseBlobCid(cidLike))
      const found = await findDimensions(blobSource(blobs, did, blob, options))
      return found && { width: found.width, height: found.height }
    },
  }

  async function visible(
    did: string,
    cidLike: CidLike,
    space: SpaceUri | undefined,
    signal: AbortSignal | undefined,
  ): Promise<BlobStat> {
    const blob = await blobs.stat(did, cidLike, { space, signal })
    if (blob) return blob
    const cid = parseBlobCid(cidLike)
    // Forgets only what this audience would have seen: others may still see it.
    forget({ did, cid, space: space ?? null })
    throw notFound(did, cid)
  }

  async function make(name: VariantName, blob: BlobStat, recipe: Recipe, signal: AbortSignal): Promise<Uint8Array> {
    const { did, cid } = name
    const seeing = { space: name.space ?? undefined }
    const which = idOf({ ...name, recipe: '' })
    refusals.check(which)
    try {
      const shown = await decodable(did, blob, { ...seeing, signal })
      const read = async (signal: AbortSignal) => (await blobs.read(did, cid, { ...seeing, signal })).chunks
      const bytes = await pool.run({ size: blob.size, recipe, shown, read }, signal)
      await cache.put(name, bytes, signal)
      return bytes
    } catch (error) {
      if (isBlobStoreError(error, 'ImageRefused')) refusals.add(which, error)
      throw error
    }
  }

  /** Refuses what the header already rules out, before any process gets the image. */
  async function decodable(did: string, blob: BlobStat, options: StatOptions): Promise<FoundDimensions> {
    if (blob.size > maxInput) throw refused(`it has ${blob.size} bytes, the limit is ${maxInput}`)
    const found = await findDimensions(blobSource(blobs, did, blob, options))
    if (!found || !decoded.includes(found.kind))
      throw refused('it is not a JPEG, PNG, GIF, WebP or AVIF that browsers show')
    const { width, height } = found
    if (width * height > maxPixels) {
      throw refused(`it has ${width} × ${height} pixels, more than the limit of ${maxPixels}`)
    }
    return found
  }

  function forget(forgotten: Forgotten): void {
    const { cid } = forgotten
    const gone = new BlobStoreError('BlobNotFound', 'The blob can no longer be seen', cid === null ? {} : { cid })
    flights.abort((name) => matches(forgotten, name), gone)
    cache.forget(forgotten)
  }

  /** The reason why the cache could not open may be gone at the next call. */
  async function open(): Promise<void> {
    if (closing) throw new BlobStoreError('StoreClosed', 'The image variants were closed')
    opening ??= cache.open().catch((error) => {
      opening = undefined
      throw error
    })
    await opening
  }

  function close(): Promise<void> {
    closing ??= (async () => {
      pool.close()
      flights.abort(() => true, new BlobStoreError('StoreClosed', 'The image variants were closed'))
      await opening?.catch(() => {})
      if (opening) await cache.close()
    })()
    return closing
  }
}

/** `hidden` concerns one audience, the public or a space; anything else concerns all. */
function forgottenBy({ did, cid, space, because }: Parameters<ImageVariants['forget']>[0]): Forgotten {
  if (space !== undefined) return { did, cid, space }
  return because === 'hidden' ? { did, cid, space: null } : { did, cid }
}

function notFound(did: string, cid: BlobCid): BlobStoreError {
  return new BlobStoreError('BlobNotFound', 'No such blob', { did, cid })
}

/** A blob as a source that can be read in parts. */
function blobSource(blobs: BlobStore, did: string, { cid, size }: BlobStat, options: StatOptions): Source {
  return {
    size,
    async read(start, end) {
      const reading = await blobs.read(did, cid, { ...options, range: { start, end: end - 1 } })
      return await reading.bytes()
    },
  }
}
