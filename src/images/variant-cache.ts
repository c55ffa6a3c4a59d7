import { createHash } from 'node:crypto'
import type { BlobBackend } from '../backend/backend.ts'
import { type BlobKey, keyOf, newGeneration } from '../backend/key.ts'
import { isEmpty, pagesOf } from '../backend/pages.ts'
import { readWhole } from '../backend/read-whole.ts'
import { type BlobCid, cidOfDigest } from '../blob/cid.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import { BlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/**
 * Marks the bytes in a backend as variants. A store refuses to open on them, and this cache refuses a store's backend.
 */
const marker = 'pds-blobstore image variants 1'

export interface VariantName {
  did: string
  cid: BlobCid
  /** The space whose members it was made for; null for the public. */
  space: SpaceUri | null
  /** The id of the recipe, see `recipeId`. */
  recipe: string
}

interface Entry extends VariantName {
  key: BlobKey
  size: number
}

/**
 * Variants in a separate backend; the least recently requested are deleted first. The index is in memory, so the
 * backend is emptied when it opens. Another process that uses it finds its variants gone, and generates them again.
 *
 * Each account has its own variants, even of the same bytes, and so has each of its spaces: the response time must not
 * reveal what others have, or what members of another space have viewed.
 */
export class VariantCache {
  readonly #backend: BlobBackend
  readonly #maxSize: number
  readonly #logger: Logger
  /** The most recently used one is last. */
  readonly #entries = new Map<string, Entry>()
  readonly #byBlob = new Map<string, Set<string>>()
  #size = 0

  constructor(backend: BlobBackend, maxSize: number, logger: Logger) {
    this.#backend = backend
    this.#maxSize = maxSize
    this.#logger = logger
  }

  /** In bytes. */
  get size(): number {
    return this.#size
  }

  /** @throws `StoreMismatch` if the backend holds anything but variants */
  async open(): Promise<void> {
    const backend = this.#backend
    await backend.open({ logger: this.#logger })
    try {
      await this.#claim()
    } catch (error) {
      await backend.close().catch(() => {})
      throw error
    }
  }

  close(): Promise<void> {
    return this.#backend.close()
  }

  async get(name: VariantName, signal: AbortSignal): Promise<Uint8Array | null> {
    const id = idOf(name)
    const entry = this.#entries.get(id)
    if (!entry) return null
    this.#entries.delete(id)
    this.#entries.set(id, entry)
    try {
      const bytes = await readAll(this.#backend, entry, signal)
      if (bytes) return bytes
    } catch (error) {
      if (signal.aborted) throw signal.reason
      this.#logger.warn({ err: error, key: entry.key }, 'An image variant could not be read and is generated again')
    }
    if (this.#entries.get(id) === entry) this.#remove([entry])
    return null
  }

  /** Rejects only for the signal: what cannot be stored is generated again. */
  async put(name: VariantName, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const size = bytes.byteLength
    if (size > this.#maxSize) return
    const sha256 = createHash('sha256').update(bytes).digest()
    const key = keyOf(cidOfDigest(sha256), newGeneration(1))
    try {
      signal.throwIfAborted()
      await this.#backend.put(key, { chunks: [bytes], size, sha256 })
    } catch (error) {
      this.#delete([key])
      signal.throwIfAborted()
      this.#logger.warn({ err: error, key }, 'An image variant could not be stored')
      return
    }
    if (signal.aborted)
      this.#delete([key]) // the blob was deleted meanwhile
    else this.#add({ ...name, key, size })
    signal.throwIfAborted()
  }

  /** Deletes the variants that {@link matches} selects. */
  forget(forgotten: Forgotten): void {
    const { did, cid } = forgotten
    const exact = did !== '*' && cid !== null
    const ids = exact ? (this.#byBlob.get(blobOf({ did, cid })) ?? []) : this.#entries.keys()
    this.#remove([...ids].flatMap((id) => this.#entries.get(id) ?? []).filter((entry) => matches(forgotten, entry)))
  }

  /** Claims the backend, and empties it. */
  async #claim(): Promise<void> {
    const backend = this.#backend
    // Writes nothing where a store's blobs may be, and deletes only after the cache's own marker is there.
    const found = await backend.readMarker()
    const isClaimable = found === null && (await isEmpty(backend))
    const claimed = isClaimable ? await backend.claimMarker(marker) : found
    if (claimed !== marker) {
      const message = `The backend ${backend.name} holds blobs, not image variants; give the cache a backend of its own`
      throw new BlobStoreError('StoreMismatch', message, { backend: backend.name })
    }
    await backend.sweepSpools(0)
    for await (const { keys } of pagesOf(backend)) {
      if (keys.length > 0) await backend.delete(keys)
    }
  }

  #add(entry: Entry): void {
    const id = idOf(entry)
    const before = this.#entries.get(id)
    if (before) this.#remove([before])
    this.#entries.set(id, entry)
    const ofBlob = this.#byBlob.get(blobOf(entry)) ?? new Set()
    this.#byBlob.set(blobOf(entry), ofBlob.add(id))
    this.#size += entry.size
    const evicted: Entry[] = []
    let left = this.#size
    for (const oldest of this.#entries.values()) {
      if (left <= this.#maxSize) break
      evicted.push(oldest)
      left -= oldest.size
    }
    this.#remove(evicted)
  }

  #remove(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const id = idOf(entry)
      this.#entries.delete(id)
      this.#size -= entry.size
      const ofBlob = this.#byBlob.get(blobOf(entry))
      ofBlob?.delete(id)
      if (ofBlob?.size === 0) this.#byBlob.delete(blobOf(entry))
    }
    this.#delete(entries.map((entry) => entry.key))
  }

  /** Deletes in the background: the keys can no longer be found, and the next opening deletes what is left. */
  #delete(keys: readonly BlobKey[]): void {
    if (keys.length === 0) return
    this.#backend.delete(keys).catch((error) => {
      this.#logger.warn({ err: error, keys: keys.length }, 'Image variants could not be deleted')
    })
  }
}

async function readAll(backend: BlobBackend, { key, size }: Entry, signal: AbortSignal): Promise<Uint8Array | null> {
  const object = await backend.get(key, { signal })
  if (object?.size !== size) {
    await object?.body.return?.()
    return null
  }
  return await readWhole(object.body, size)
}

/** Which variants must not be shown any more. */
export interface Forgotten {
  /** `*` for every account. */
  did: string
  /** Null for all blobs of the account. */
  cid: BlobCid | null
  /** Only those made for this space, or with null for the public. Absent for all. */
  space?: SpaceUri | null
}

/** Whether a variant must not be shown any more. */
export function matches({ did, cid, space }: Forgotten, name: Omit<VariantName, 'recipe'>): boolean {
  const ofBlob = (did === '*' || name.did === did) && (cid === null || name.cid === cid)
  return ofBlob && (space === undefined || name.space === space)
}

/** A blank separates the parts: neither a DID nor the URI of a space contains one. */
function blobOf({ did, cid }: { did: string; cid: BlobCid }): string {
  return `${did} ${cid}`
}

export function idOf(name: VariantName): string {
  return `${blobOf(name)} ${name.space ?? 'public'} ${name.recipe}`
}
