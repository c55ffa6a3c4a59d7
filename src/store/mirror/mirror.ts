import type { BlobBackend, CallOptions } from '../../backend/backend.ts'
import { untilAborted } from '../../backend/until-aborted.ts'
import type { Logger } from '../../logger.ts'
import type { WaitingContent } from '../../metadata/contract/mirror.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import { tracedBackend } from '../../tracing/traced-backend.ts'

/** A second copy of all bytes, in another place than the backend. */
export interface MirrorOptions {
  /**
   * Where the copies are: another disk, or another provider. The store owns it. It may be down: uploads never wait for
   * it.
   */
  backend: BlobBackend
  /**
   * How long bytes stay in the mirror that no account has any more, in milliseconds. Protects from mistakes, and from
   * attackers who delete. A purge does not wait. If several processes were given one, the longest applies to all.
   * @default what the store's processes were last given, or 2_592_000_000 (30 days)
   */
  delay?: number | undefined
}

const defaultDelay = 30 * 86_400_000

/** How long the mirror counts as verified, in milliseconds. */
const verifiedFor = 30_000

/**
 * The mirror of a store. It is opened when it is first needed, so that a store opens without it, and again when it was
 * not there.
 */
export class Mirror {
  readonly backend: BlobBackend
  /** As it was given to this process. */
  readonly givenDelay: number | undefined
  /** As it is in force. */
  delay: number
  /** How many reads it has served, because the backend could not. */
  reads = 0
  /** When these were last warned of, by `performance.now()`. */
  warnedAt: number = Number.NEGATIVE_INFINITY
  /** When its keys were last compared with the database, by `performance.now()`. */
  comparedAt: number = Number.NEGATIVE_INFINITY
  /** What was to be copied last, by a run that did not reach the end. */
  reached: WaitingContent | null = null
  /** Nothing must be opened in it any more. */
  isClosed = false
  /** Of the place that was verified last. */
  #id: string | null = null
  /** Why nothing can be written there, when it was opened last. */
  #unwritable: { error: unknown } | null = null
  #store: { metadata: Metadata; logger: Logger } | undefined
  #opening: Promise<BlobBackend> | null = null
  #openedAt = Number.NEGATIVE_INFINITY

  /** @throws `InvalidArgument` */
  constructor(given: MirrorOptions) {
    const what = 'createBlobStore: mirror'
    if (typeof given?.backend?.put !== 'function') {
      throw invalidArgument(what, 'expected { backend }, a BlobBackend such as new DiskBackend({ root })')
    }
    assertOptions(what, given, ['backend', 'delay'])
    const { backend, delay } = given
    if (delay !== undefined) assertWhole(`${what}.delay`, delay, 0)
    this.backend = tracedBackend(backend)
    this.givenDelay = delay
    this.delay = delay ?? defaultDelay
  }

  attach(store: { metadata: Metadata; logger: Logger }): void {
    this.#store = store
    this.isClosed = false
  }

  /** Takes the delay that all processes of the store have agreed on, if any was given one. */
  agree(delay: number | undefined): void {
    this.delay = delay ?? this.givenDelay ?? defaultDelay
  }

  /**
   * The backend, opened, and verified to be this store's mirror a moment ago. Who waits for a mirror that does not answer
   * waits until the signal aborts.
   *
   * @throws `StoreMismatch`, and what the backend throws
   */
  open({ renew = false, signal }: CallOptions & { renew?: boolean } = {}): Promise<BlobBackend> {
    if (renew || performance.now() - this.#openedAt > verifiedFor) this.#opening ??= this.#open()
    return untilAborted(this.#opening ?? Promise.resolve(this.backend), signal)
  }

  /**
   * As {@link open}, for who writes there. A mirror that is full, or mounted read-only as after a disaster, can be read,
   * and deleted from.
   *
   * @throws also the reason why nothing can be written
   */
  async openToWrite(options: CallOptions & { renew?: boolean } = {}): Promise<BlobBackend> {
    const backend = await this.open(options)
    if (this.#unwritable) throw this.#unwritable.error
    return backend
  }

  /**
   * The backend, if this process has verified it before. For reads in the host's transaction, which may have the only
   * connection to the database.
   */
  get opened(): BlobBackend | null {
    return this.#openedAt === Number.NEGATIVE_INFINITY ? null : this.backend
  }

  /** The mirror's own id, once it was opened. */
  get id(): string | null {
    return this.#id
  }

  /**
   * Forgets the copies of a mirror that is lost, and begins with this place, which must be empty.
   *
   * @throws `StoreMismatch`
   */
  async begin(): Promise<void> {
    const { metadata, logger } = this.#store as { metadata: Metadata; logger: Logger }
    await this.backend.open({ logger })
    const { beginMirror } = await import('./identity.ts')
    await beginMirror({ backend: this.backend, metadata })
    this.comparedAt = Number.NEGATIVE_INFINITY
  }

  /** Whether the place is some store's mirror already: opening it makes an empty one this store's. */
  async isBegun({ signal }: CallOptions): Promise<boolean> {
    const { logger } = this.#store as { logger: Logger }
    await untilAborted(this.backend.open({ logger }), signal)
    return (await untilAborted(this.backend.readMarker({ signal }), signal)) !== null
  }

  /** The epoch in its marker. @throws as `open` does */
  async readEpoch({ signal }: CallOptions): Promise<number> {
    const backend = await this.open({ renew: true, signal })
    const { readMirrorEpoch } = await import('./identity.ts')
    return untilAborted(readMirrorEpoch(backend), signal)
  }

  /** Says in the marker that no process of this database uses the mirror any more. */
  async leave(): Promise<void> {
    await this.#opening?.catch(() => {})
    if (this.opened === null) return
    const { metadata } = this.#store as { metadata: Metadata }
    const { leaveMirror } = await import('./identity.ts')
    await leaveMirror({ backend: this.backend, metadata })
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.#opening?.catch(() => {})
    await this.backend.close()
  }

  async #open(): Promise<BlobBackend> {
    const { backend } = this
    try {
      const { metadata, logger } = this.#store as { metadata: Metadata; logger: Logger }
      if (this.#openedAt === Number.NEGATIVE_INFINITY) await backend.open({ logger })
      const { verifyMirror } = await import('./identity.ts')
      const { id, unwritable } = await verifyMirror({ backend, metadata, logger })
      this.#id = id
      this.#unwritable = unwritable
      this.#openedAt = performance.now()
      return backend
    } finally {
      this.#opening = null
    }
  }
}
