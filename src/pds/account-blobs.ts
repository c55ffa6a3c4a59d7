import { Readable } from 'node:stream'
import { type BlobCid, isBlobCid, parseBlobCid } from '../blob/cid.ts'
import { isDid } from '../blob/identifiers.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import { printable } from '../printable.ts'
import type { BlobReading } from '../store/calls.ts'
import type { PdsBlobStore, PdsCid } from './contract.ts'
import { ask, isKept, type PdsHost } from './host.ts'
import { asHttpError, hostError } from './host-error.ts'
import { isPinned, type Pins, pin, pinsOf, quarantined, replacePins, uncommitted, unlisted, unpin } from './pins.ts'
import { takeIn } from './source.ts'
import { newTempKey, parseTempKey } from './temp-key.ts'

export interface PdsBlobs {
  blobs: BlobStore
  host: PdsHost
  /** The PDS's own class, by which it recognizes "not found". */
  BlobNotFoundError: new () => Error
  /** Whose limits of size, type and quota apply. */
  limits: 'pds' | 'store'
  /** Running questions, so that many first readers of a blob ask once. */
  revealing: Map<string, Promise<boolean>>
}

/**
 * The blobs of one account as the PDS sees them, built on the store's own concepts:
 *
 * | the PDS's | the store's |
 * |---|---|
 * | temporary | a blob without a reference, which expires |
 * | stored | a blob with a pin, the reference of a record that does not exist, among the public records |
 * | quarantined | a blob with a pin in a space that nobody sees |
 * | deleted | its pin removed: it expires, and is deleted if the PDS, asked again, has no record of it |
 *
 * Everything belongs to the account and is shared by all instances, because the PDS creates one for each request. All
 * methods are on the prototype, where the PDS's own tests patch them. An invalid DID or CID counts as not found.
 */
export class PdsAccountBlobs implements PdsBlobStore {
  readonly #pds: PdsBlobs
  readonly #did: string

  constructor(pds: PdsBlobs, did: string) {
    this.#pds = pds
    this.#did = did
  }

  async putTemp(bytes: Uint8Array | Readable): Promise<string> {
    const { ref } = await this.#takeIn(bytes)
    return newTempKey(ref.toString())
  }

  async makePermanent(key: string, cid: PdsCid): Promise<void> {
    const own = this.#known(cid)
    const temp = parseTempKey(key)
    if (temp && temp.cid !== own) {
      throw new BlobStoreError('CidMismatch', `The bytes have the CID ${temp.cid}, not ${own}`, { cid: own })
    }
    // The transaction that calls this may still fail, without notice. So the pin alone shows the blob to nobody.
    await this.#pin(own, uncommitted)
  }

  async putPermanent(cid: PdsCid, bytes: Uint8Array | Readable): Promise<void> {
    const own = parseBlobCid(cid)
    const { ref } = await this.#takeIn(bytes)
    const found = ref.toString()
    if (found !== own) {
      throw new BlobStoreError('CidMismatch', `The bytes have the CID ${found}, not ${own}`, { cid: own })
    }
    await this.#pin(own, 'public')
  }

  async quarantine(cid: PdsCid): Promise<void> {
    await this.#repin(this.#known(cid), quarantined)
  }

  /** Shown again only if the PDS has a record of it: the PDS is asked when the blob is next read. */
  async unquarantine(cid: PdsCid): Promise<void> {
    await this.#repin(this.#known(cid), uncommitted)
  }

  async getBytes(cid: PdsCid): Promise<Uint8Array> {
    return (await this.#read(cid)).bytes()
  }

  async getStream(cid: PdsCid): Promise<Readable> {
    return Readable.fromWeb((await this.#read(cid)).body)
  }

  /** True until the blob was made permanent, with whichever key, after this one was returned. */
  async hasTemp(key: string): Promise<boolean> {
    const temp = parseTempKey(key)
    if (!temp || !isDid(this.#did)) return false
    const { blobs } = this.#pds
    if (!(await blobs.stat(this.#did, temp.cid, { as: 'moderator' }))) return false
    const { pins } = await pinsOf(blobs, this.#did, temp.cid)
    return !pins.some(({ mark }) => mark > temp.mark)
  }

  async hasStored(cid: PdsCid): Promise<boolean> {
    const own = this.#blobCidOf(cid)
    if (own === null) return false
    return (await this.#pds.blobs.stat(this.#did, own)) !== null || (await this.#reveal(own))
  }

  async delete(cid: PdsCid): Promise<void> {
    await this.deleteMany([cid])
  }

  /**
   * The PDS calls this after its transaction, in the background, so it may come late: the blob may have been uploaded
   * and referenced again. Therefore the existing pins are read first, then the PDS is asked, then those pins are
   * removed. The PDS inserts its row before it makes a blob permanent: so a pin that was read either has its row in the
   * answer, or is no longer needed; and a later pin is not touched.
   */
  async deleteMany(cids: PdsCid[]): Promise<void> {
    const { blobs, host } = this.#pds
    if (!isDid(this.#did)) return
    if (await host.isDeleted?.(this.#did)) return this.deleteAll()
    const own = new Set(cids.map((cid) => this.#blobCidOf(cid)).filter((cid) => cid !== null))
    const noted = await Promise.all([...own].map((cid) => pinsOf(blobs, this.#did, cid)))
    const pinned = noted.filter(({ pins }) => pins.length > 0)
    const cidsOfPinned = pinned.map(({ cid }) => cid)
    const standing = await ask(host, this.#did, cidsOfPinned, { final: true })
    const gone = pinned.filter(({ cid }) => !standing.has(cid))
    await unpin(
      blobs,
      this.#did,
      gone.flatMap(({ pins }) => pins),
    )
    // A blob that was uploaded again, and is not yet referenced publicly, must not be visible through its old pins.
    for (const pins of pinned) {
      const now = standing.get(pins.cid)
      if (now === 'temporary') await replacePins(blobs, this.#did, uncommitted, pins)
      if (now === 'unlisted') await replacePins(blobs, this.#did, unlisted, pins)
    }
  }

  /**
   * The account is deleted: forgets all it had at once, including temporary and quarantined blobs. It may come back.
   */
  async deleteAll(): Promise<void> {
    if (!isDid(this.#did)) return
    await this.#pds.blobs.deleteAccount(this.#did)
    await this.#pds.blobs.reopenAccount(this.#did)
  }

  async #takeIn(bytes: Uint8Array | Readable) {
    try {
      return await takeIn(this.#pds.blobs, this.#did, bytes, this.#pds.limits === 'store')
    } catch (error) {
      throw hostError(error)
    }
  }

  async #pin(cid: BlobCid, view: 'public' | typeof uncommitted): Promise<void> {
    const isHeld = await pin(this.#pds.blobs, this.#did, cid, view).catch((error: unknown) => {
      throw hostError(error)
    })
    if (!isHeld) throw this.#notFound(cid)
  }

  /** Null for a CID that is not a blob's, or an invalid account: neither can be here. */
  #blobCidOf(cid: PdsCid): BlobCid | null {
    if (!isDid(this.#did)) return null
    const text = String(cid)
    return isBlobCid(text) ? text : null
  }

  #known(cid: PdsCid): BlobCid {
    const own = this.#blobCidOf(cid)
    if (own === null) throw this.#notFound(cid)
    return own
  }

  /** The PDS recognizes it by its class and, where it does not check, answers it by its other properties. */
  #notFound(cid: PdsCid): Error {
    const error = asHttpError(new this.#pds.BlobNotFoundError(), 400, 'BlobNotFound')
    error.message = `Could not find blob: ${printable(String(cid), 100)}`
    return error
  }

  /** Changes who sees a permanent blob. */
  async #repin(cid: BlobCid, view: typeof uncommitted | typeof quarantined): Promise<void> {
    const { blobs } = this.#pds
    while (true) {
      const former = await pinsOf(blobs, this.#did, cid)
      if (former.pins.length === 0 && !(await this.#isStored(cid))) throw this.#notFound(cid)
      const outcome = await replacePins(blobs, this.#did, view, former)
      if (outcome === 'missing') throw this.#notFound(cid)
      if (outcome === 'pinned') return
    }
  }

  /** Whether the PDS has it as permanent, although it has no pin here, as after an import. */
  async #isStored(cid: BlobCid): Promise<boolean> {
    const { blobs, host } = this.#pds
    if ((await blobs.stat(this.#did, cid, { as: 'moderator' })) === null) return false
    return isKept((await ask(host, this.#did, [cid], { final: false })).get(cid))
  }

  async #read(cid: PdsCid): Promise<BlobReading> {
    const { blobs } = this.#pds
    const own = this.#known(cid)
    try {
      return await blobs.read(this.#did, own)
    } catch (error) {
      if (!isBlobStoreError(error, 'BlobNotFound')) throw hostError(error)
    }
    if (!(await this.#reveal(own))) throw this.#notFound(own)
    return blobs.read(this.#did, own).catch((error: unknown) => {
      throw isBlobStoreError(error, 'BlobNotFound') ? this.#notFound(own) : hostError(error)
    })
  }

  /**
   * Whether to show a blob that nobody sees, because the PDS has committed its record; if so, shows it from now on.
   * Asked once for each blob that was made permanent, when it is first read.
   */
  async #reveal(cid: BlobCid): Promise<boolean> {
    const { revealing } = this.#pds
    const key = `${this.#did} ${cid}`
    const running = revealing.get(key) // no await between this and the `set` below
    // A negative answer may be from before the record was committed, so it is not shared with others.
    if (running && (await running)) return true
    const answer = this.#askToReveal(cid).finally(() => revealing.delete(key))
    revealing.set(key, answer)
    return answer
  }

  async #askToReveal(cid: BlobCid): Promise<boolean> {
    const { blobs, host } = this.#pds
    const held = await blobs.stat(this.#did, cid, { as: 'moderator' })
    if (!held || held.takenDown) return false
    const former: Pins = await pinsOf(blobs, this.#did, cid)
    const isUncommitted = await isPinned(blobs, this.#did, cid, uncommitted)
    const isUnlisted = await isPinned(blobs, this.#did, cid, unlisted)
    if (former.pins.length > 0 && !isUncommitted && !isUnlisted) return false
    const standing = (await ask(host, this.#did, [cid], { final: false })).get(cid)
    // A PDS without the blob is driven by other code: then the contract decides.
    const isPublic = standing === 'permanent' || (isUncommitted && standing === undefined)
    if (!isPublic) return false
    // If something else was written meanwhile, it counts: by a moderator, a deletion, another reader.
    const outcome = await replacePins(blobs, this.#did, 'public', former)
    return outcome === 'pinned' || (outcome === 'changed' && (await blobs.stat(this.#did, cid)) !== null)
  }
}
