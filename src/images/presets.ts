import { createHash } from 'node:crypto'
import { assertOneOf, assertOptions, assertWhole, invalidArgument } from '../options.ts'

export const imageFormats = ['jpeg', 'webp', 'avif'] as const

/** The file formats of variants. */
export type ImageFormat = (typeof imageFormats)[number]

/** How a variant is generated. Never larger than the original, and without its metadata. */
export interface ImagePreset {
  /** The largest width in pixels, 1 to 8192. */
  width: number
  height: number
  /**
   * `inside`: the whole image, within width and height. `cover`: fills them, cropped around the middle. @default
   * 'inside'
   */
  fit?: 'inside' | 'cover' | undefined
  /** The format if the address names none. @default 'webp' */
  format?: ImageFormat | undefined
  /** 1 to 100. @default 80 for JPEG and WebP, 50 for AVIF */
  quality?: number | undefined
}

/** Everything besides the blob that decides a variant's bytes. */
export interface Recipe {
  width: number
  height: number
  fit: 'inside' | 'cover'
  format: ImageFormat
  quality: number
}

/**
 * The presets of the Bluesky CDN, with about its sizes: clients that show its images can show yours.
 *
 * @example
 * ```ts
 * import { blueskyPresets } from 'pds-blobstore/images'
 *
 * const presets = { ...blueskyPresets, card: { width: 1200, height: 630, fit: 'cover' as const } }
 * ```
 */
export const blueskyPresets: Readonly<
  Record<'feed_thumbnail' | 'feed_fullsize' | 'avatar' | 'avatar_thumbnail' | 'banner', ImagePreset>
> = {
  feed_thumbnail: { width: 1000, height: 1000, fit: 'inside' },
  feed_fullsize: { width: 2000, height: 2000, fit: 'inside' },
  avatar: { width: 1000, height: 1000, fit: 'cover' },
  avatar_thumbnail: { width: 128, height: 128, fit: 'cover' },
  banner: { width: 3000, height: 1000, fit: 'cover' },
}

/** @throws `InvalidArgument` for invalid presets */
export function checkPresets(what: string, presets: Readonly<Record<string, ImagePreset>>): void {
  if (typeof presets !== 'object' || presets === null) throw invalidArgument(what, 'expected an object of presets')
  for (const [name, preset] of Object.entries(presets)) {
    const which = `${what}.${name}`
    if (!/^[a-z0-9_-]{1,64}$/i.test(name))
      throw invalidArgument(what, "a preset's name is 1 to 64 of a-z, 0-9, _ and -")
    assertOptions(which, preset, ['width', 'height', 'fit', 'format', 'quality'])
    assertUpTo(`${which}.width`, preset.width, 8192)
    assertUpTo(`${which}.height`, preset.height, 8192)
    assertOneOf(`${which}.fit`, preset.fit, ['inside', 'cover'])
    assertOneOf(`${which}.format`, preset.format, imageFormats)
    if (preset.quality !== undefined) assertUpTo(`${which}.quality`, preset.quality, 100)
  }
}

/** @throws `InvalidArgument` for an unknown preset or format */
export function recipeOf(
  presets: Readonly<Record<string, ImagePreset>>,
  name: string,
  wanted: string | undefined,
): Recipe {
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined
  if (!preset)
    throw invalidArgument('preset', `there is none of that name; there are ${Object.keys(presets).join(', ')}`)
  const format = imageFormats.find((one) => one === (wanted ?? preset.format ?? 'webp'))
  if (!format) throw invalidArgument('format', `there is none of that name; there are ${imageFormats.join(', ')}`)
  const { width, height, fit = 'inside', quality = format === 'avif' ? 50 : 80 } = preset
  return { width, height, fit, format, quality }
}

/** A short name for a recipe, different for each recipe. */
export function recipeId(recipe: Recipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('base64url').slice(0, 16)
}

function assertUpTo(what: string, value: unknown, most: number): void {
  assertWhole(what, value, 1)
  if (value > most) throw invalidArgument(what, `${most} at most`)
}
