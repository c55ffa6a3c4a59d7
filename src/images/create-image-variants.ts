import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { assertOptions } from '../options.ts'
import type { StatOptions } from '../store/calls.ts'
import { findDimensions } from './dimensions/dimensions.ts'
import type { FoundDimensions, Source } from './dimensions/header.ts'
import { type ImageVariants, refused } from './image-variants.ts'
import { NegativeCache } from './negative-cache.ts'
import { type ImageVariantsOptions, resolveOptions } from './options.ts'
import { WorkerPool } from './pool/worker-pool.ts'
import { type Recipe, recipeId, recipeOf } from './presets.ts'
import { SingleFlight } from './single-flight.ts'
import { idOf, VariantCache, type VariantName } from './variant-cache.ts'

const decoded = ['jpeg', 'png', 'gif', 'webp', 'avif']

/**
 * Creates image variants over a store. Starts and opens nothing yet.
 *
 * @throws `InvalidArgument`
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
  const cache = new VariantCache(settings.cache, settings.cacheSize, settings.logger)
  const pool = new WorkerPool(settings)
  const flights = new SingleFlight<Uint8Array>()
  const refusals = new NegativeCache()
  let opening: Promise<void> | undefined
  let closing: Promise<void> | undefined

  return {
    blobs,
    presets,
    ready,
    close,
    [Symbol.asyncDispose]: close,
    forget,
    async variant(did, cidLike, preset, options = {}) {
      assertOptions('variant', options, ['format', 'signal'])
      const { format, signal } = options
      const recipe = recipeOf(presets, preset, format)
      await ready()
      const blob = await visible(did, cidLike, signal)
      const name = { did, cid: blob.cid, recipe: recipeId(recipe) }
      const bytes = await flights.run(idOf(name), signal, async (signal) => {
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

  async function visible(did: string, cidLike: CidLike, signal: AbortSignal | undefined): Promise<BlobStat> {
    const blob = await blobs.stat(did, cidLike, { signal })
    if (blob) return blob
    const cid = parseBlobCid(cidLike)
    forget({ did, cid })
    throw notFound(did, cid)
  }

  async function make(name: VariantName, blob: BlobStat, recipe: Recipe, signal: AbortSignal): Promise<Uint8Array> {
    const { did, cid } = name
    const which = `${did} ${cid}`
    refusals.check(which)
    try {
      const shown = await decodable(did, blob, signal)
      const read = async (signal: AbortSignal) => (await blobs.read(did, cid, { signal })).chunks
      const bytes = await pool.run({ size: blob.size, recipe, shown, read }, signal)
      await cache.put(name, bytes, signal)
      return bytes
    } catch (error) {
      if (isBlobStoreError(error, 'ImageRefused')) refusals.add(which, error)
      throw error
    }
  }

  /** Checks the header, so that what it rules out reaches no decoding process. */
  async function decodable(did: string, blob: BlobStat, signal: AbortSignal): Promise<FoundDimensions> {
    if (blob.size > maxInput) throw refused(`it has ${blob.size} bytes, the limit is ${maxInput}`)
    const found = await findDimensions(blobSource(blobs, did, blob, { signal }))
    if (!found || !decoded.includes(found.kind))
      throw refused('it is not a JPEG, PNG, GIF, WebP or AVIF that browsers show')
    const { width, height } = found
    if (width * height > maxPixels) {
      throw refused(`it has ${width} × ${height} pixels, more than the limit of ${maxPixels}`)
    }
    return found
  }

  function forget({ did, cid }: { did: string; cid: BlobCid | null }): void {
    const isOne = (name: string) => {
      const [itsDid, itsCid] = name.split(' ')
      return (did === '*' || itsDid === did) && (cid === null || itsCid === cid)
    }
    const gone = new BlobStoreError('BlobNotFound', 'The blob is no longer public', cid === null ? {} : { cid })
    flights.abort(isOne, gone)
    cache.forget(did, cid)
  }

  /** What kept it from opening may be over at the next call. */
  async function ready(): Promise<void> {
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
