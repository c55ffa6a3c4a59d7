import { Readable } from 'node:stream'
import { type BlobCid, parseBlobCid } from '../blob/cid.ts'
import { publicScope } from '../blob/scope.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { BlobReading } from '../store/calls.ts'
import type { PdsBlobStore, PdsCid } from './contract.ts'
import { ask, type PdsHost } from './host.ts'
import { hostError } from './host-error.ts'
import { pin, pinsOf, quarantined, replacePins, uncommitted, unpin } from './pins.ts'
import { takeIn } from './source.ts'
import { newTempKey, parseTempKey } from './temp-key.ts'

export interface PdsBlobs {
  blobs: BlobStore
  host: PdsHost
  /** The PDS's own class, by which it tells "not found". */
  BlobNotFoundError: new () => Error
  /** Questions under way, so that many first readers of a blob ask once. */
  revealing: Map<string, Promise<boolean>>
}

/**
 * The blobs of one account, as the PDS means them, on the store's own notions:
 *
 * | the PDS's | the store's |
 * |---|---|
 * | temporary | a blob without a reference, which expires |
 * | stored | a blob with a pin, the reference of a record that is not there, in the scope `public` |
 * | quarantined | a blob with a pin in a scope by which nobody sees it |
 * | deleted | its pin dropped: it expires, and goes when the PDS, asked again, has no record of it |
 *
 * Everything is the account's own, shared by all instances, for the PDS makes one for each request. All methods are on
 * the prototype, where the PDS's own tests patch them.
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
    const own = parseBlobCid(cid)
    const temp = parseTempKey(key)
    if (temp && temp.cid !== own) {
      throw new BlobStoreError('InvalidCid', `These are not the bytes of ${own}, but of ${temp.cid}`, { cid: own })
    }
    // The transaction that calls this may yet fail, and nothing tells. So the pin shows the blob to nobody by itself.
    await this.#pin(own, uncommitted)
  }

  async putPermanent(cid: PdsCid, bytes: Uint8Array | Readable): Promise<void> {
    const own = parseBlobCid(cid)
    const { ref } = await this.#takeIn(bytes)
    const found = ref.toString()
    if (found !== own) {
      throw new BlobStoreError('InvalidCid', `These are not the bytes of ${own}, but of ${found}`, { cid: own })
    }
    await this.#pin(own, publicScope)
  }

  async quarantine(cid: PdsCid): Promise<void> {
    await this.#repin(parseBlobCid(cid), quarantined)
  }

  async unquarantine(cid: PdsCid): Promise<void> {
    await this.#repin(parseBlobCid(cid), publicScope)
  }

  async getBytes(cid: PdsCid): Promise<Uint8Array> {
    return (await this.#read(cid)).bytes()
  }

  async getStream(cid: PdsCid): Promise<Readable> {
    return Readable.fromWeb((await this.#read(cid)).body)
  }

  /** Until the blob was made permanent, by whichever key, after this one was given. */
  async hasTemp(key: string): Promise<boolean> {
    const temp = parseTempKey(key)
    if (!temp) return false
    const { blobs } = this.#pds
    if (!(await blobs.stat(this.#did, temp.cid, { as: 'moderator' }))) return false
    const pins = await pinsOf(blobs, this.#did, temp.cid)
    return !pins.some(({ mark }) => mark > temp.mark)
  }

  async hasStored(cid: PdsCid): Promise<boolean> {
    const own = parseBlobCid(cid)
    return (await this.#pds.blobs.stat(this.#did, own)) !== null || (await this.#reveal(own))
  }

  async delete(cid: PdsCid): Promise<void> {
    await this.deleteMany([cid])
  }

  /**
   * The PDS calls this after its transaction, in the background, so it may come late: the blob may have been uploaded
   * and referenced again. Therefore which pins there are is noted first, then the PDS is asked, then those pins go.
   * The PDS inserts its row before it makes a blob permanent: so a pin that was noted either has its row in the answer,
   * or is nobody's any more; and one that came later is not touched.
   */
  async deleteMany(cids: PdsCid[]): Promise<void> {
    const { blobs, host } = this.#pds
    if (await host.isDeleted?.(this.#did)) return this.deleteAll()
    const own = [...new Set(cids.map((cid) => parseBlobCid(cid)))]
    const noted = new Map(
      await Promise.all(own.map(async (cid) => [cid, await pinsOf(blobs, this.#did, cid)] as const)),
    )
    const pinned = own.filter((cid) => noted.get(cid)?.length)
    const standing = await ask(host, this.#did, pinned, { final: true })
    const gone = pinned.filter((cid) => !standing.has(cid))
    await unpin(
      blobs,
      this.#did,
      gone.flatMap((cid) => noted.get(cid) ?? []),
    )
    // Uploaded again, and not yet referenced: nobody is to see it by what it was before.
    for (const cid of pinned.filter((cid) => standing.get(cid) === 'temporary')) {
      await replacePins(blobs, this.#did, cid, uncommitted, noted.get(cid) ?? [])
    }
  }

  /** The account is gone: forgets all it had at once, temporary and quarantined included. It may come back. */
  async deleteAll(): Promise<void> {
    await this.#pds.blobs.deleteAccount(this.#did)
    await this.#pds.blobs.reopenAccount(this.#did)
  }

  async #takeIn(bytes: Uint8Array | Readable) {
    try {
      return await takeIn(this.#pds.blobs, this.#did, bytes)
    } catch (error) {
      throw hostError(error)
    }
  }

  async #pin(cid: BlobCid, scope: typeof publicScope | typeof uncommitted): Promise<void> {
    const isHeld = await pin(this.#pds.blobs, this.#did, cid, scope).catch((error: unknown) => {
      throw hostError(error)
    })
    if (!isHeld) throw new this.#pds.BlobNotFoundError()
  }

  /** Changes who sees a blob that is permanent. */
  async #repin(cid: BlobCid, scope: typeof publicScope | typeof quarantined): Promise<void> {
    const { blobs, BlobNotFoundError } = this.#pds
    const former = await pinsOf(blobs, this.#did, cid)
    if (former.length === 0 || !(await replacePins(blobs, this.#did, cid, scope, former))) throw new BlobNotFoundError()
  }

  async #read(cid: PdsCid): Promise<BlobReading> {
    const { blobs, BlobNotFoundError } = this.#pds
    const own = parseBlobCid(cid)
    try {
      return await blobs.read(this.#did, own)
    } catch (error) {
      if (!isBlobStoreError(error, 'BlobNotFound')) throw error
    }
    if (await this.#reveal(own)) return blobs.read(this.#did, own)
    throw new BlobNotFoundError()
  }

  /**
   * Whether a blob that nobody sees is to be seen all the same, because the PDS has committed its record. Then it is, from
   * now on. Asked once for each blob that was made permanent, when it is first read.
   */
  async #reveal(cid: BlobCid): Promise<boolean> {
    const { revealing } = this.#pds
    const key = `${this.#did} ${cid}`
    // A no may be from before the record was committed: it is not taken from others.
    if (await revealing.get(key)) return true
    const answer = this.#askToReveal(cid).finally(() => revealing.delete(key))
    revealing.set(key, answer)
    return answer
  }

  async #askToReveal(cid: BlobCid): Promise<boolean> {
    const { blobs, host } = this.#pds
    const held = await blobs.stat(this.#did, cid, { as: 'moderator' })
    if (!held || held.takenDown) return false
    const former = await pinsOf(blobs, this.#did, cid)
    const isUncommitted = (await blobs.stat(this.#did, cid, { scopes: [uncommitted] })) !== null
    if (former.length > 0 && !isUncommitted) return false
    const standing = (await ask(host, this.#did, [cid], { final: false })).get(cid)
    // A PDS that knows nothing of it is used by hand: then the contract's word stands.
    const isStored = standing === 'permanent' || (isUncommitted && standing === undefined)
    return isStored && replacePins(blobs, this.#did, cid, publicScope, former)
  }
}
