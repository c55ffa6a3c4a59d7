import type { BlobBackend } from './backend/backend.ts'
import type { Logger } from './logger.ts'
import { assertJanitorOptions, type JanitorOptions } from './maintenance/janitor.ts'
import type { MetadataAdapter } from './metadata/metadata.ts'
import { assertOptions, invalidArgument } from './options.ts'
import type { BackendSet } from './store/backends.ts'
import type { BlobStoreHooks } from './store/hooks.ts'
import type { BlobStoreLimits, BlobStoreTimes } from './store/limits.ts'
import type { MirrorOptions } from './store/mirror/mirror.ts'
import type { Privacy } from './store/privacy.ts'

export interface BlobStoreOptions {
  /**
   * Where bytes are stored; several while they move from one to another (see `migrate`). The store owns it: it opens
   * and closes it.
   */
  backend: BlobBackend | BackendSet
  /** Where metadata is stored. */
  metadata: MetadataAdapter
  /**
   * A second copy of all bytes, made in the background by the janitor, from which reads, `scrub` and `heal` take what the
   * backend has lost.
   * @default none
   */
  mirror?: MirrorOptions | undefined
  limits?: BlobStoreLimits | undefined
  times?: BlobStoreTimes | undefined
  hooks?: BlobStoreHooks | undefined
  /**
   * Looks for private data in uploads, such as where a picture was taken: `privateData()` of `pds-blobstore/privacy`.
   * What it changes is changed before the CID is made. Not applied to bytes whose CID is given, or named by a record of the
   * account.
   * @default uploads are stored as they are
   */
  privacy?: Privacy | undefined
  /**
   * Collects and sweeps in the background while the store is open: without a janitor nothing is ever deleted. `false`
   * if another process does it, or for a script beside the host; at least one process must have it.
   * @default every 5 minutes and daily
   */
  janitor?: JanitorOptions | false | undefined
  /** @default silent */
  logger?: Logger | undefined
}

const names = ['backend', 'metadata', 'mirror', 'limits', 'times', 'hooks', 'privacy', 'janitor', 'logger']

/** What no other part checks itself. @throws `InvalidArgument` */
export function checkOptions(options: BlobStoreOptions): void {
  const what = 'createBlobStore'
  assertOptions(what, options, names)
  const { metadata, privacy, janitor = {} } = options
  if (janitor !== false) assertJanitorOptions(`${what}: janitor`, janitor)
  if (typeof metadata?.open !== 'function') {
    throw invalidArgument(what, 'metadata must be what kyselyMetadata(db) or sqliteMetadata(file) returns')
  }
  if (privacy !== undefined && typeof privacy?.examine !== 'function') {
    throw invalidArgument(what, 'privacy must be what privateData() returns')
  }
}
