import { createBlobRef } from '../blob/blob-ref.ts'
import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { parseMimeType } from '../blob/mime.ts'
import type { BlobStore } from '../blob-store.ts'
import type { RecordBlob } from '../store/calls.ts'
import type { ActorDatabase } from './actor-database.ts'
import type { Keeper, SourceBlob } from './keeper.ts'
import { pruneReferences } from './prune.ts'

/** Earlier than any: for a record of which no revision is known. */
export const firstRev = '2222222222222'

/**
 * For a store that keeps the references itself: each record's are written as the PDS has them, in the record's own
 * revision. What is not held is expected, and listed as missing; takedowns become the store's.
 */
export class RecordKeeper implements Keeper {
  readonly #blobs: BlobStore
  readonly #did: string
  readonly #actor: ActorDatabase
  readonly #recordsOf: ReadonlyMap<string, readonly string[]>
  readonly #namedBy: ReadonlyMap<string, { cids: readonly string[]; rev: string }>

  constructor(blobs: BlobStore, did: string, actor: ActorDatabase) {
    this.#blobs = blobs
    this.#did = did
    this.#actor = actor
    const refs = actor.refs()
    const latest = actor.rev() ?? firstRev
    this.#recordsOf = mapValues(
      Map.groupBy(refs, ({ cid }) => cid),
      (some) => some.map(({ uri }) => uri),
    )
    this.#namedBy = mapValues(
      Map.groupBy(refs, ({ uri }) => uri),
      (some) => ({
        cids: some.map(({ cid }) => cid).filter(isBlobCid),
        rev: some[0]?.rev ?? latest,
      }),
    )
  }

  async isDone(blob: SourceBlob): Promise<boolean> {
    const held = await this.#blobs.stat(this.#did, blob.cid, { as: 'moderator' })
    if (!held || (blob.takedownRef !== null && !held.takenDown)) return false
    return (await this.#unwritten(blob.cid)).length === 0
  }

  /** The takedown before the references, by which the blob would be seen. */
  async keep(blob: SourceBlob): Promise<void> {
    if (blob.takedownRef !== null) {
      await this.#blobs.takedown(this.#did, blob.cid, { ref: blob.takedownRef.slice(0, 1000) })
    }
    for (const uri of await this.#unwritten(blob.cid)) await this.#write(uri)
  }

  /** What is taken down already, and was collected since, would be refused. It is taken down again when it is kept. */
  async admit(blob: SourceBlob): Promise<void> {
    if (blob.takedownRef !== null) await this.#blobs.restore(this.#did, blob.cid)
  }

  async expect(uris: ReadonlySet<string>): Promise<void> {
    for (const uri of uris) await this.#write(uri)
  }

  prune(signal: AbortSignal | undefined): Promise<number> {
    const isNamed = (uri: string, cid: BlobCid): boolean => this.#namedBy.get(uri)?.cids.includes(cid) ?? false
    return pruneReferences(this.#blobs, this.#did, isNamed, (uri) => this.#write(uri), { signal })
  }

  async #unwritten(cid: BlobCid): Promise<string[]> {
    const wanted = this.#recordsOf.get(cid) ?? []
    if (wanted.length === 0) return []
    const written = new Set(await this.#blobs.recordsFor(this.#did, cid))
    return wanted.filter((uri) => !written.has(uri))
  }

  async #write(uri: string): Promise<void> {
    const { cids = [], rev = firstRev } = this.#namedBy.get(uri) ?? {}
    const blobs: RecordBlob[] = []
    for (const cid of cids) {
      const ref = await this.#refTo(cid, uri)
      if (ref) blobs.push({ ref })
    }
    await this.#blobs.applyWrites(this.#did, [{ action: 'create', uri, blobs }], { rev, missing: 'expect' })
  }

  /** As the store holds the blob, or the source had it, or at least the record says: a reference must not miss its blob. */
  async #refTo(cid: BlobCid, uri: string): Promise<unknown> {
    const held = await this.#blobs.stat(this.#did, cid, { as: 'moderator' })
    if (held) return createBlobRef(held)
    const row = this.#actor.blob(cid)
    const named = this.#actor.named(uri, cid)
    const mimeType = parseMimeType(row?.mimeType ?? named?.mimeType ?? '')
    if (mimeType === null) return null
    const size = row?.size ?? named?.size
    return size === undefined ? { cid, mimeType } : createBlobRef({ cid, mimeType, size })
  }
}

function mapValues<K, V, W>(map: ReadonlyMap<K, V>, change: (value: V) => W): Map<K, W> {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}
