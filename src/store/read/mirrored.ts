import type { ByteRange } from '../../backend/backend.ts'
import { untilAborted } from '../../backend/until-aborted.ts'
import type { MirroredCopy } from '../../metadata/contract/mirror.ts'
import type { ResolvedBlob } from '../../metadata/contract/queries.ts'
import type { ReadOptions } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import type { Mirror } from '../mirror/mirror.ts'
import { isForMirror } from './is-for-mirror.ts'
import { VerifiedChunks } from './verified-chunks.ts'

interface Wanted {
  did: string
  blob: ResolvedBlob
  range: ByteRange | undefined
  options: ReadOptions
}

type Chunks = AsyncIterableIterator<Uint8Array>

/**
 * How long a read waits until the mirror has opened a copy, in milliseconds. A mirror that hangs, as a dead network mount
 * does, must keep nobody from bytes that the backend may have. It suffices for the first requests to a distant bucket.
 */
const patience = 5_000

/** At most one warning in so many milliseconds. */
const warnEvery = 60_000

/**
 * Opens the copy in the mirror of a blob that the caller may see, and whose own bytes are missing, damaged or
 * unreadable. Null if there is none that can be opened: the mirror may be down.
 */
export async function openMirrored(store: StoreContext, wanted: Wanted): Promise<Chunks | null> {
  const { mirror } = store.backends
  if (!mirror) return null
  const { did, blob, range, options } = wanted
  const { signal, trx } = options
  try {
    const steps = await store.metadata.mirror()
    const copies = await steps.mirroredCopies(blob.cid, { trx })
    const found = await inTime((until) => openOne(mirror, copies, wanted, until), signal)
    if (!found) return null
    tell(store, blob)
    if (!options.verify || range) return found.body
    const { cid, key, body } = found
    const about = { did, cid, backend: 'mirror' }
    return new VerifiedChunks(body, about, () => (trx ? Promise.resolve() : steps.forgetDamaged({ cid, key })))
  } catch (error) {
    signal?.throwIfAborted()
    store.logger.warn({ err: error, cid: blob.cid }, 'The mirror could not be read in place of the backend')
  }
  return null
}

interface OpenCopy extends MirroredCopy {
  body: Chunks
}

/** The first copy that can be opened. */
async function openOne(
  mirror: Mirror,
  copies: readonly MirroredCopy[],
  { blob: { size }, range, options: { trx } }: Wanted,
  signal: AbortSignal,
): Promise<OpenCopy | null> {
  for (const copy of copies) {
    const backend = trx ? mirror.opened : await mirror.open({ signal })
    if (!backend) return null
    const object = await backend.get(copy.key, { signal, range, expectedSize: size }).catch(() => null)
    if (object?.size === size) return { ...copy, body: object.body }
    await object?.body.return?.()
    signal.throwIfAborted()
  }
  return null
}

/** Runs the opening, and rejects when it takes too long. Its signal, which the body has too, aborts only until then. */
async function inTime(
  open: (until: AbortSignal) => Promise<OpenCopy | null>,
  signal: AbortSignal | undefined,
): Promise<OpenCopy | null> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`The mirror opened no copy within ${patience} ms`)), patience)
  const until = signal ? AbortSignal.any([signal, late.signal]) : late.signal
  const opening = open(until)
  try {
    return await untilAborted(opening, until)
  } catch (error) {
    opening.then((found) => found?.body.return?.()).catch(() => {}) // it may come yet, and nobody would close it
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The bytes, or those of the mirror if they turn out to be damaged or unreadable before any of them was passed on. After
 * that it fails. The next read of a blob that was found damaged begins in the mirror.
 */
export class OrMirrored implements Chunks {
  #source: Chunks
  readonly #copy: () => Promise<Chunks | null>
  #begun = false
  #ended = false

  constructor(chunks: Chunks, copy: () => Promise<Chunks | null>) {
    this.#source = chunks
    this.#copy = copy
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#begun) return this.#source.next()
    this.#begun = true
    try {
      return await this.#source.next()
    } catch (error) {
      const copy = isForMirror(error) && !this.#ended ? await this.#copy() : null
      if (copy === null) throw error
      this.#source = copy
      if (!this.#ended) return copy.next()
      await copy.return?.() // the reader left while it was opened
      return { value: undefined, done: true }
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#begun = true
    this.#ended = true
    await this.#source.return?.()
    return { value: undefined, done: true }
  }
}

function tell({ backends: { mirror }, logger }: StoreContext, { cid, backend }: ResolvedBlob): void {
  if (!mirror) return
  mirror.reads += 1
  const now = performance.now()
  if (now - mirror.warnedAt < warnEvery) return
  mirror.warnedAt = now
  logger.warn(
    { cid, backend, reads: mirror.reads },
    'Bytes are missing, damaged or unreadable in the backend, and are read from the mirror: scrub or heal the store (pds-blobstore/docs/disaster.md)',
  )
}
