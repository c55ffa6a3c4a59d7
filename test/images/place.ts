import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'
import { createImageVariants, type ImageVariants, type ImageVariantsOptions } from '../../src/images.ts'
import { DiskBackend } from '../../src/index.ts'
import { openPlace, type Place, type PlaceOptions } from '../http/place.ts'

export interface ImagePlace extends Place {
  images: ImageVariants
  cache: DiskBackend
}

/** A store, and variants of its images in a directory of their own. */
export async function openImages(
  options: Partial<ImageVariantsOptions> = {},
  store: PlaceOptions = {},
): Promise<ImagePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'pds-blobstore-images-'))
  const place = await openPlace(store)
  const cache = new DiskBackend({ root: join(folder, 'variants'), durability: 'relaxed' })
  // Timeouts for a machine under load.
  const images = createImageVariants({ blobs: place.blobs, cache, timeout: 30_000, ...options })
  onTestFinished(async () => {
    await images.close()
    await rm(folder, { recursive: true })
  })
  return { ...place, images, cache }
}

/** A picture of one colour. */
export function picture(width: number, height: number, background = 'teal'): ReturnType<typeof sharp> {
  return sharp({ create: { width, height, channels: 3, background } })
}

/** How many variants the cache holds. */
export async function kept(cache: DiskBackend): Promise<number> {
  return (await cache.list()).keys.length
}
