import type { BlobBackend, OpenOptions } from '../backend/backend.ts'
import { BlobStoreError } from '../errors.ts'
import { mirrorName } from '../metadata/contract/mirror.ts'
import { assertOptions, invalidArgument } from '../options.ts'
import { tracedBackend } from '../tracing/traced-backend.ts'
import { Mirror, type MirrorOptions } from './mirror/mirror.ts'

/** Several backends: for moving bytes from one to another. */
export interface BackendSet {
  /** The name of the backend that new bytes go to. */
  write: string
  /** All backends by their names; what is stored may be in any of them. */
  all: Record<string, BlobBackend>
}

/** The backends of a store, and its mirror, which is none of them: nothing that is live is there only. */
export class Backends {
  /** The backend that new bytes go to. */
  readonly write: BlobBackend
  /** Where each backend is, by its name, as far as it is known. */
  readonly locations: Readonly<Record<string, string | undefined>>
  readonly mirror: Mirror | undefined
  readonly #byName: ReadonlyMap<string, BlobBackend>

  /** @throws `InvalidArgument` */
  constructor(given: BlobBackend | BackendSet, mirror?: MirrorOptions) {
    const { write, all } = asSet(given)
    const byName = new Map(Object.entries(all))
    this.#byName = byName
    if (byName.has(mirrorName)) {
      throw invalidArgument(
        'createBlobStore: backend',
        `${mirrorName} is the name of the mirror in the database; choose another`,
      )
    }
    for (const [name, backend] of byName) {
      if (typeof backend?.put !== 'function') throw notOne(`backend.all.${name}`)
      if (backend.name === name) continue
      throw new BlobStoreError(
        'InvalidArgument',
        `createBlobStore: backend.all.${name} has the name ${backend.name}: rows use that name, so use it here too`,
      )
    }
    this.locations = Object.fromEntries([...byName].map(([name, { location }]) => [name, location]))
    for (const [name, backend] of byName) byName.set(name, tracedBackend(backend))
    const writable = this.#byName.get(write)
    if (!writable) {
      const names = [...this.#byName.keys()].join(', ')
      throw new BlobStoreError('InvalidArgument', `createBlobStore: backend.write is none of backend.all: ${names}`)
    }
    this.write = writable
    if (mirror !== undefined) this.mirror = new Mirror(mirror)
  }

  get names(): string[] {
    return [...this.#byName.keys()]
  }

  get all(): BlobBackend[] {
    return [...this.#byName.values()]
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** @throws `StoreMismatch` if this process was not given it */
  of(name: string): BlobBackend {
    const backend = this.#byName.get(name)
    if (backend) return backend
    throw new BlobStoreError(
      'StoreMismatch',
      `These bytes are in the backend ${name}, which this process was not given: start it with that backend too, by its name in ` +
        '`backend.all`',
      { backend: name },
    )
  }

  /** As {@link of}, for deletions: also the mirror, opened. @throws `StoreMismatch`, and what the mirror throws */
  async opened(name: string): Promise<BlobBackend> {
    if (name !== mirrorName) return this.of(name)
    if (this.mirror) return this.mirror.open()
    throw new BlobStoreError(
      'StoreMismatch',
      'These bytes are in the mirror, which this process was not given: start it with the option `mirror`, or give the mirror up ' +
        '(pds-blobstore mirror --forget)',
      { backend: mirrorName },
    )
  }

  /** All or none: what was opened is closed when another fails. */
  async open(options?: OpenOptions): Promise<void> {
    try {
      for (const backend of this.all) await backend.open(options)
    } catch (error) {
      await this.close().catch(() => {})
      throw error
    }
  }

  /** Closes all, even if one fails. @throws the first error */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(
      [...this.all, ...(this.mirror ? [this.mirror] : [])].map((one) => one.close()),
    )
    for (const one of closed) if (one.status === 'rejected') throw one.reason
  }
}

function asSet(given: BlobBackend | BackendSet): BackendSet {
  if (typeof given !== 'object' || given === null) throw notOne('backend')
  if ('put' in given) return { write: given.name, all: { [given.name]: given } }
  if (!('all' in given)) throw notOne('backend')
  assertOptions('createBlobStore: backend', given, ['write', 'all'])
  if (typeof given.all !== 'object' || given.all === null) throw notOne('backend.all')
  return given
}

function notOne(what: string): BlobStoreError {
  return new BlobStoreError(
    'InvalidArgument',
    `createBlobStore: ${what} must be a BlobBackend, such as new DiskBackend({ root })`,
  )
}
