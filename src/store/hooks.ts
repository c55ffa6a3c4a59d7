import type { BlobCid } from '../blob/cid.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import { assertOptions, invalidArgument } from '../options.ts'

/** Functions of the host that decide, or are notified. */
export interface BlobStoreHooks {
  /**
   * Inspects each upload after its bytes are stored and before it is acknowledged: hash lists, virus scanners, age
   * checks. Resolving with `{ refuse }` rejects the upload with `BlobRefused` and that reason. Resolving with
   * `{ quarantine }` stores the blob, and hides it from all but moderators until `reverseTakedown` releases it: see
   * `InspectionVerdict`. If the hook throws, or takes longer than `times.inspect`, the upload is rejected with
   * `InspectionFailed`, which is `transient`, and the failure is logged. Called for known bytes as for new ones.
   */
  inspect?: ((upload: UploadInspection) => Promise<InspectionVerdict | undefined>) | undefined
  /**
   * Called when an upload was quarantined, after the commit: notify a moderator. Errors are logged. A crash may prevent
   * the call, so also look at `listTakedowns({ quarantined: true })`.
   */
  onQuarantined?: ((event: QuarantinedEvent) => void | Promise<void>) | undefined
  /**
   * Called when the public, or the members of a space, can no longer see a blob: purge caches. Called after the commit; not
   * for changes within a transaction of the host, which knows when it commits. Errors are logged. For a purge that another
   * process began, it is called within a minute.
   */
  onInaccessible?: ((event: InaccessibleEvent) => void | Promise<void>) | undefined
  /**
   * For a host with records in another database: called by each collection before it forgets temporary blobs. Returns
   * those that the host's records reference after all; they stay for another grace period. The answer must be final, so
   * read it under that database's write lock. If the hook throws, nothing is forgotten.
   */
  referenced?: ((did: string, cids: readonly BlobCid[]) => Promise<Iterable<BlobCid>>) | undefined
}

export interface UploadInspection {
  did: string
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
  /** The bytes, from the start, each time it is called. A chunk is valid until the next is requested. */
  read(): AsyncIterable<Uint8Array>
  /**
   * True if this is no upload: the bytes wait in quarantine (`inspectAgain`), or come back after a loss (`recover`). Then
   * accepting shows them, so an inspector that fails must reject or quarantine, even if it accepts uploads while it is down.
   * Absent for an upload.
   */
  again?: true
  /** Aborts when the upload is aborted, and at the timeout. */
  signal: AbortSignal
}

/**
 * `refuse`: the reason, in words that the uploader may read. `quarantine`: the reason, for moderators; the uploader is not
 * told. The first 1000 characters are kept, as the `ref` of the takedown.
 *
 * Records may reference a quarantined blob, and it stays quarantined when it is uploaded again, until a moderator
 * decides: `reverseTakedown` releases it, `takedown` makes it a takedown like any other, `purge` deletes it. When the
 * account loses the blob, nothing is left to decide, and the next upload is inspected anew. A quarantine is of one
 * account, and only of what the account did not have: an upload of what it has, accepted before or released, hides
 * nothing.
 */
export type InspectionVerdict = { refuse: string; quarantine?: never } | { quarantine: string; refuse?: never }

export interface QuarantinedEvent {
  did: string
  cid: BlobCid
  mimeType: string
  /** In bytes. */
  size: number
  /** As the inspection gave it. */
  reason: string
}

export interface InaccessibleEvent {
  /** `*` for every account. */
  did: string
  /** Null for all of the account's blobs. */
  cid: BlobCid | null
  /** The space whose members do not see it any more through that space's records. Absent if it is the public. */
  space?: SpaceUri
  /** `hidden`: no record shows it to them any more. `purged`: taken down, and its bytes deleted at once. */
  because: 'hidden' | 'takenDown' | 'purged' | 'accountDeleted'
}

const names = ['inspect', 'onQuarantined', 'onInaccessible', 'referenced'] as const

/** The hooks of one store, which may change while it is open. */
export class Hooks {
  #inForce: Readonly<BlobStoreHooks> = Object.freeze({})

  constructor(hooks: BlobStoreHooks = {}) {
    this.set('createBlobStore: hooks', hooks)
  }

  get inForce(): Readonly<BlobStoreHooks> {
    return this.#inForce
  }

  /** @throws `InvalidArgument`; then none has changed */
  set(what: string, hooks: BlobStoreHooks): void {
    assertOptions(what, hooks, names)
    for (const name of names) {
      if (hooks[name] === undefined || typeof hooks[name] === 'function') continue
      throw invalidArgument(what, `${name} must be a function, or undefined for none`)
    }
    this.#inForce = Object.freeze({ ...this.#inForce, ...hooks })
  }
}
