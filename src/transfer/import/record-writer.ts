import type { CallOptions } from '../../backend/backend.ts'
import { createBlobRef } from '../../blob/blob-ref.ts'
import { type BlobCid, isBlobCid } from '../../blob/cid.ts'
import { assertTid } from '../../blob/identifiers.ts'
import { parseMimeType } from '../../blob/mime.ts'
import type { BlobStore } from '../../blob-store.ts'
import type { RecordBlob } from '../../store/calls.ts'
import { type ActorDatabase, publicTable } from './actor-database.ts'
import type { ReferenceWriter, SourceBlob } from './reference-writer.ts'
import { isOwnUri, referenceFor, referenceWithoutRecord } from './stand-in.ts'

/** Earlier than any other: for a record of unknown revision. */
export const firstRev = '2222222222222'

/** A record, as it is passed to the store. */
interface Named {
  /** The source's name of the record; null for one that is missing. */
  recordUri: string | null
  rev: string
  cids: BlobCid[]
}

/**
 * For a store that keeps the references itself: writes each record's references as the PDS has them, in the record's
 * own revision. Blobs that are not held are expected, and listed as missing; takedowns become the store's.
 */
export class RecordWriter implements ReferenceWriter {
  readonly #blobs: BlobStore
  readonly #did: string
  readonly #actor: ActorDatabase
  readonly #latest: string
  readonly #recordsOf = new Map<BlobCid, string[]>()
  readonly #named = new Map<string, Named>()
  /** Whether there are unreadable rows, so that what they reference is unknown. */
  #isIncomplete: boolean

  private constructor(blobs: BlobStore, did: string, actor: ActorDatabase, latest: string, isIncomplete: boolean) {
    this.#blobs = blobs
    this.#did = did
    this.#actor = actor
    this.#latest = latest
    this.#isIncomplete = isIncomplete
  }

  /**
   * All names of the account's blobs fit into memory. `invalid` is called for rows whose record cannot be one of the
   * account's: their blobs are kept anyway.
   *
   * @throws `PassedOver`
   */
  static async load(
    blobs: BlobStore,
    did: string,
    actor: ActorDatabase,
    invalid: (cid: BlobCid, place: string) => void,
  ): Promise<RecordWriter> {
    const { spaces, unreadable } = await actor.tables()
    const latest = revOf(await actor.rev()) ?? firstRev
    const references = new RecordWriter(blobs, did, actor, latest, unreadable.length > 0)
    for (const table of [publicTable, ...spaces]) {
      for await (const rows of actor.namings(table)) {
        for (const { at, cid, uri, rev } of rows) {
          if (cid === null || !isBlobCid(cid)) {
            references.#isIncomplete = true // reported where missing blobs are looked for
            continue
          }
          if (uri === null || (table === publicTable && !isOwnUri(did, uri))) invalid(cid, `table ${table}, row ${at}`)
          references.#add(cid, { uri: referenceFor(did, table, uri, cid), recordUri: uri, rev: revOf(rev) ?? latest })
        }
      }
    }
    return references
  }

  async isDone(blob: SourceBlob): Promise<boolean> {
    const held = await this.#blobs.stat(this.#did, blob.cid, { as: 'moderator' })
    if (!held || (blob.takedown !== null && !held.takenDown)) return false
    return (await this.#unwritten(blob)).length === 0 && !(await this.#isShownWrongly(blob))
  }

  async hide({ cid, takedown }: SourceBlob): Promise<void> {
    if (takedown !== null) await this.#blobs.takedown(this.#did, cid, { ref: takedown.slice(0, 1000) })
  }

  /** The takedown before the references, which would show the blob. */
  async keep(blob: SourceBlob): Promise<void> {
    await this.hide(blob)
    for (const uri of await this.#unwritten(blob)) await this.#write(uri)
    if (await this.#isShownWrongly(blob)) await this.#write(withoutRecord(this.#did, blob))
  }

  async expectMissing(): Promise<void> {
    const { spaces } = await this.#actor.tables()
    for (const table of [publicTable, ...spaces]) {
      for await (const rows of this.#actor.unmet(table)) {
        const uris = rows.map(({ uri, cid }) => referenceFor(this.#did, table, uri, cid ?? ''))
        for (const uri of new Set(uris)) if (this.#named.has(uri)) await this.#write(uri)
      }
    }
  }

  /** Does nothing if the source could not be read completely: blobs that it does reference would be forgotten. */
  async prune(signal: AbortSignal | undefined): Promise<number> {
    if (this.#isIncomplete) return 0
    const isNamed = (uri: string, cid: BlobCid): boolean => this.#named.get(uri)?.cids.includes(cid) ?? false
    return pruneReferences(this.#blobs, this.#did, isNamed, (uri) => this.#write(uri), { signal })
  }

  #add(cid: BlobCid, { uri, ...record }: Omit<Named, 'cids'> & { uri: string }): void {
    const named = this.#named.get(uri) ?? { ...record, cids: [] }
    if (named.cids.includes(cid)) return
    named.cids.push(cid)
    this.#named.set(uri, named)
    const records = this.#recordsOf.get(cid) ?? []
    records.push(uri)
    this.#recordsOf.set(cid, records)
  }

  async #unwritten({ cid, standing, isPublic }: SourceBlob): Promise<string[]> {
    if (standing === 'unnamed') {
      const uri = referenceWithoutRecord(this.#did, cid, isPublic)
      this.#add(cid, { uri, recordUri: null, rev: this.#latest })
    }
    const wanted = this.#recordsOf.get(cid) ?? []
    if (wanted.length === 0) return []
    const written = new Set(await this.#blobs.recordsFor(this.#did, cid))
    return wanted.filter((uri) => !written.has(uri))
  }

  /** Whether a blob that no record referenced at an earlier import was shown to everybody, and is now in a space. */
  async #isShownWrongly(blob: SourceBlob): Promise<boolean> {
    const uri = withoutRecord(this.#did, blob)
    if (this.#named.has(uri) || !this.#recordsOf.has(blob.cid)) return false
    return (await this.#blobs.recordsFor(this.#did, blob.cid)).includes(uri)
  }

  async #write(uri: string): Promise<void> {
    const { cids, recordUri, rev } = this.#named.get(uri) ?? nothing
    const blobs: RecordBlob[] = []
    for (const cid of cids) blobs.push({ ref: await this.#refTo(cid, recordUri) })
    await this.#blobs.applyWrites(this.#did, [{ action: 'create', uri, blobs }], { rev, missing: 'expect' })
  }

  /**
   * The type and size from the store, otherwise from the source, otherwise from the record, because a wrong reference
   * would be refused.
   */
  async #refTo(cid: BlobCid, recordUri: string | null): Promise<unknown> {
    const held = await this.#blobs.stat(this.#did, cid, { as: 'moderator' })
    if (held) return createBlobRef(held)
    const row = await this.#actor.blob(cid)
    const claim = recordUri === null ? null : await this.#actor.claim(recordUri, cid)
    const mimeType = parseMimeType(row?.mimeType ?? '') ?? parseMimeType(claim?.mimeType ?? '') ?? anyType
    const size = row?.size ?? claim?.size
    return isSize(size) ? createBlobRef({ cid, mimeType, size }) : { cid, mimeType }
  }
}

const withoutRecord = (did: string, { cid }: SourceBlob): string => referenceWithoutRecord(did, cid, true)

const nothing: Named = { recordUri: null, rev: firstRev, cids: [] }

/** The CID proves the bytes; but a type is required. */
const anyType = 'application/octet-stream'

const isSize = (size: number | null | undefined): size is number => Number.isSafeInteger(size) && Number(size) >= 0

function revOf(text: string | null): string | null {
  try {
    assertTid('', text)
    return text
  } catch {
    return null
  }
}

/**
 * For records of an account that reference a blob in the store, or wait for one, but not in the source: corrects their
 * references with `write`.
 */
export async function pruneReferences(
  blobs: BlobStore,
  did: string,
  isNamed: (uri: string, cid: BlobCid) => boolean,
  write: (uri: string) => Promise<void>,
  { signal }: CallOptions,
): Promise<number> {
  const stale = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await blobs.listAll(did, { cursor, signal })
    for (const { cid, referenced } of page.items) {
      const uris = referenced ? await blobs.recordsFor(did, cid, { signal }) : []
      for (const uri of uris) if (!isNamed(uri, cid)) stale.add(uri)
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  // A blob that is uploaded later must not become public by a record that is gone.
  do {
    const page = await blobs.listMissing(did, { cursor, signal })
    for (const { cid, recordUri } of page.items) if (!isNamed(recordUri, cid)) stale.add(recordUri)
    cursor = page.cursor
  } while (cursor !== undefined)
  for (const uri of stale) await write(uri)
  return stale.size
}
