import { BlobStoreError } from '../errors.ts'
import { assertOneOf, assertOptions, invalidArgument } from '../options.ts'
import type { Change, ExaminedUpload, Privacy } from '../store/privacy.ts'
import type { FoundPart, PrivatePart, Search } from './parts.ts'
import { ScannedFile, Unsearchable } from './scanned-file.ts'
import { formatOf, type SearchedFormat, search } from './search.ts'

export interface PrivateDataOptions {
  /**
   * What happens to a file with private data. `strip`: it is stored without. `refuse`: the upload fails with `PrivateData`.
   * `warn`: it is stored as it is, and `onFound` is told.
   * @default 'strip'
   */
  mode?: 'strip' | 'refuse' | 'warn' | undefined
  /**
   * What counts. `all`: whatever is not needed to show the picture as it is: places, times, names, serial numbers, comments,
   * previews, data behind the picture. `places`: only the parts that say where it was made, or may say so; they go as a
   * whole.
   * @default 'all' to strip, otherwise 'places'
   */
  what?: 'all' | 'places' | undefined
  /**
   * What happens to a file of a known format that is too damaged to be searched. `refuse`: the upload fails with
   * `PrivateData`. `store`: it is stored as it is, never half changed.
   * @default 'store' to warn, otherwise 'refuse'
   */
  unsearchable?: 'refuse' | 'store' | undefined
  /** Told of each file with private data, and of each that cannot be searched. If it throws, the upload fails. */
  onFound?: ((found: PrivateDataFound) => void) | undefined
}

export interface PrivateDataFound {
  did: string
  /** In bytes, as it was uploaded. */
  size: number
  format: SearchedFormat
  /** What was found, each once. Empty if the file cannot be searched. */
  parts: readonly PrivatePart[]
  /** Why the file cannot be searched. */
  unsearchable?: string
  /** What becomes of the file. */
  outcome: 'stripped' | 'refused' | 'stored'
}

/**
 * The value of the store's option `privacy`: takes private data out of uploads, refuses them, or warns of them. Nothing
 * else of a file changes: its coded picture, colours and orientation stay as they are. Searched are JPEG, PNG, WebP, HEIC,
 * AVIF, MP4 and QuickTime; files of other formats are stored as they are.
 *
 * @example
 * ```ts
 * import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
 * import { privateData } from 'pds-blobstore/privacy'
 *
 * const blobs = createBlobStore({
 *   backend: new DiskBackend({ root: 'data/blobs' }),
 *   metadata: sqliteMetadata('data/blobs.sqlite'),
 *   privacy: privateData(),
 * })
 * ```
 *
 * @throws `InvalidArgument`
 */
export function privateData(options: PrivateDataOptions = {}): Privacy {
  assertOptions('privateData', options, ['mode', 'what', 'unsearchable', 'onFound'])
  assertOneOf('privateData: mode', options.mode, ['strip', 'refuse', 'warn'])
  assertOneOf('privateData: what', options.what, ['all', 'places'])
  assertOneOf('privateData: unsearchable', options.unsearchable, ['refuse', 'store'])
  const { mode = 'strip', onFound } = options
  if (onFound !== undefined && typeof onFound !== 'function') {
    throw invalidArgument('privateData', 'onFound must be a function')
  }
  if (mode === 'warn' && !onFound) throw invalidArgument('privateData', "mode 'warn' needs `onFound`")
  const { what = mode === 'strip' ? 'all' : 'places', unsearchable = mode === 'warn' ? 'store' : 'refuse' } = options
  return { examine: (upload) => examine(upload, { mode, what, unsearchable, onFound }) }
}

interface Rules {
  mode: 'strip' | 'refuse' | 'warn'
  what: 'all' | 'places'
  unsearchable: 'refuse' | 'store'
  onFound: PrivateDataOptions['onFound']
}

async function examine(upload: ExaminedUpload, { mode, what, unsearchable, onFound }: Rules): Promise<Change[]> {
  const { did, size } = upload
  const file = new ScannedFile(upload, { asksPlaces: what === 'places' || onFound !== undefined })
  const format = await formatOf(file)
  if (format === null) return []
  const found = await searched(file, format)
  if (found instanceof Unsearchable) {
    const outcome = unsearchable === 'refuse' ? 'refused' : 'stored'
    onFound?.({ did, size, format, parts: [], unsearchable: found.message, outcome })
    if (outcome === 'refused') throw refusal(did, `The ${format} cannot be searched for private data: ${found.message}`)
    return []
  }
  const chosen = found.parts.filter(({ place }) => place || what === 'all')
  if (chosen.length === 0) return []
  const parts = once(chosen)
  const outcome = ({ strip: 'stripped', refuse: 'refused', warn: 'stored' } as const)[mode]
  onFound?.({ did, size, format, parts, outcome })
  if (mode === 'warn') return []
  if (mode === 'strip') return changesOf(found, chosen)
  const names = parts.map(({ name }) => name).join(', ')
  const says = what === 'places' ? 'may say where it was made' : 'contains private data'
  throw refusal(did, `The ${format} ${says} (${names}); remove this, and upload it again`)
}

async function searched(file: ScannedFile, format: SearchedFormat): Promise<Search | Unsearchable> {
  try {
    const found = await search(file, format)
    assertApart(found.parts)
    return found
  } catch (error) {
    if (error instanceof Unsearchable) return error
    throw error
  }
}

function changesOf({ also }: Search, chosen: readonly FoundPart[]): Change[] {
  const changes = [...chosen.map(({ change }) => change), ...(also?.(chosen) ?? [])]
  return changes.sort((a, b) => a.start - b.start)
}

/** Parts that share bytes, such as items of a HEIF file, cannot be changed each in its own way. */
function assertApart(parts: readonly FoundPart[]): void {
  let at = 0
  for (const { change } of parts.toSorted((a, b) => a.change.start - b.change.start)) {
    if (change.start < at) throw new Unsearchable('its parts overlap')
    at = change.end
  }
}

/** Each name once: a place if any of that name is. */
function once(parts: readonly FoundPart[]): PrivatePart[] {
  const places = new Map<string, boolean>()
  for (const { name, place } of parts) places.set(name, places.get(name) || place)
  return [...places].map(([name, place]) => ({ name, place }))
}

const refusal = (did: string, message: string): BlobStoreError => new BlobStoreError('PrivateData', message, { did })
