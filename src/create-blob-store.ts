import type { BlobBackend } from './backend/backend.ts'
import type { BlobStore } from './blob-store.ts'
import { BlobStoreError } from './errors.ts'
import { type Logger, silent } from './logger.ts'
import { backup, noteBackup } from './maintenance/backup.ts'
import { collect } from './maintenance/collect.ts'
import { assertJanitorOptions, type Janitor, type JanitorOptions, startJanitor } from './maintenance/janitor.ts'
import { migrate } from './maintenance/migrate.ts'
import { recover } from './maintenance/recover.ts'
import { scrub } from './maintenance/scrub.ts'
import { sweep } from './maintenance/sweep.ts'
import type { Metadata, MetadataAdapter } from './metadata/metadata.ts'
import { longest } from './metadata/shared-times.ts'
import { assertOptions } from './options.ts'
import { deleteAccount, reopenAccount } from './store/accounts.ts'
import { applyWrites } from './store/apply-writes.ts'
import { type BackendSet, Backends } from './store/backends.ts'
import type { StoreContext } from './store/context.ts'
import { dropSpace } from './store/drop-space.ts'
import { type BlobStoreHooks, Hooks } from './store/hooks.ts'
import { verifyIdentity, verifyWholeIdentity } from './store/identity.ts'
import { Lifecycle } from './store/lifecycle.ts'
import {
  type BlobStoreLimits,
  type BlobStoreTimes,
  type ResolvedTimes,
  resolveLimits,
  resolveTimes,
  timesInForce,
} from './store/limits.ts'
import { reverseTakedown, takedown } from './store/moderation.ts'
import { Presence } from './store/presence.ts'
import { purge, tellPurges } from './store/purge.ts'
import {
  importProgress,
  listAccounts,
  listAll,
  listMissing,
  listPublic,
  listPurges,
  listSpace,
  recordsFor,
  usage,
} from './store/queries.ts'
import { presign } from './store/read/presign.ts'
import { read, stat } from './store/read/read.ts'
import { UploadSlots } from './store/upload/slots.ts'
import { closeUnread, holdError } from './store/upload/source.ts'
import { upload } from './store/upload/upload.ts'
import { tracedStore } from './tracing/traced-store.ts'

export interface BlobStoreOptions {
  /**
   * Where bytes are stored; several while they move from one to another (see `migrate`). The store owns it: it opens
   * and closes it.
   */
  backend: BlobBackend | BackendSet
  /** Where metadata is stored. */
  metadata: MetadataAdapter
  limits?: BlobStoreLimits | undefined
  times?: BlobStoreTimes | undefined
  hooks?: BlobStoreHooks | undefined
  /**
   * Collects and sweeps in the background while the store is open: without a janitor nothing is ever deleted. `false`
   * if another process does it, or for a script beside the host; at least one process must have it.
   * @default every 5 minutes and daily
   */
  janitor?: JanitorOptions | false | undefined
  /** @default silent */
  logger?: Logger | undefined
}

/**
 * Creates a blob store over a backend and a database. Opens nothing yet: the first call does, or `ready()`.
 *
 * @example
 * ```ts
 * import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
 *
 * const blobs = createBlobStore({
 *   backend: new DiskBackend({ root: 'data/blobs' }),
 *   metadata: sqliteMetadata('data/blobs.sqlite'),
 *   limits: { maxBlobSize: 5 * 1024 * 1024, accept: ['image/*', 'video/mp4'] },
 * })
 * ```
 *
 * @throws `InvalidArgument`
 */
export function createBlobStore(options: BlobStoreOptions): BlobStore {
  assertOptions('createBlobStore', options, ['backend', 'metadata', 'limits', 'times', 'hooks', 'janitor', 'logger'])
  const { metadata, janitor: janitorOptions = {}, logger = silent } = options
  if (janitorOptions !== false) assertJanitorOptions('createBlobStore: janitor', janitorOptions)
  const hooks = new Hooks(options.hooks)
  const backends = new Backends(options.backend)
  if (typeof metadata?.open !== 'function') {
    throw new BlobStoreError(
      'InvalidArgument',
      'createBlobStore: metadata must be what kyselyMetadata(db) or sqliteMetadata(file) returns',
    )
  }
  const limits = resolveLimits(options.limits)
  const [ownTimes, givenTimes] = [resolveTimes(options.times), longest([options.times ?? {}])]
  let times = ownTimes
  const slots = new UploadSlots(limits.uploads)
  const lifecycle = new Lifecycle(open, logger)
  const run = lifecycle.run.bind(lifecycle)
  let janitor: Janitor | undefined
  let closed = false

  const blobs = tracedStore({
    limits,
    get times() {
      return times
    },
    place: Object.freeze({ backends: backends.locations, metadata: metadata.location }),
    get hooks() {
      return hooks.inForce
    },
    setHooks: (given) => hooks.set('setHooks', given),
    ready: () => run('ready', async () => {}),
    close,
    [Symbol.asyncDispose]: close,

    upload(did, body, given) {
      holdError(body)
      const uploading = run('upload', (store) => upload(store, did, body, given))
      uploading.catch(() => closeUnread(body, times.idle))
      return uploading
    },
    applyWrites: (did, writes, given) => run('applyWrites', (store) => applyWrites(store, did, writes, given)),
    read: (did, cid, given) => run('read', (store) => read(store, did, cid, given)),
    presign: (did, cid, given) => run('presign', (store) => presign(store, did, cid, given)),
    stat: (did, cid, given) => run('stat', (store) => stat(store, did, cid, given)),

    listPublic: (did, given) => run('listPublic', (store) => listPublic(store, did, given)),
    listSpace: (did, space, given) => run('listSpace', (store) => listSpace(store, did, space, given)),
    listAll: (did, given) => run('listAll', (store) => listAll(store, did, given)),
    listMissing: (did, given) => run('listMissing', (store) => listMissing(store, did, given)),
    importProgress: (did, given) => run('importProgress', (store) => importProgress(store, did, given)),
    recordsFor: (did, cid, given) => run('recordsFor', (store) => recordsFor(store, did, cid, given)),
    usage: (did, given) => run('usage', (store) => usage(store, did, given)),

    takedown: (did, cid, given) => run('takedown', (store) => takedown(store, did, cid, given)),
    reverseTakedown: (did, cid, given) => run('reverseTakedown', (store) => reverseTakedown(store, did, cid, given)),
    dropSpace: (did, space, given) => run('dropSpace', (store) => dropSpace(store, did, space, given)),
    purge: (did, cid, given) => run('purge', (store) => purge(store, did, cid, given)),
    listPurges: (given) => run('listPurges', (store) => listPurges(store, given)),
    deleteAccount: (did, given) => run('deleteAccount', (store) => deleteAccount(store, did, given)),
    reopenAccount: (did, given) => run('reopenAccount', (store) => reopenAccount(store, did, given)),

    collect: (given) => run('collect', (store) => collect(store, given)),
    sweep: (given) => run('sweep', (store) => sweep(store, given)),
    scrub: (given) => run('scrub', (store) => scrub(store, given)),
    stats: () => run('stats', (store) => store.metadata.stats()),
    listAccounts: (given) => run('listAccounts', (store) => listAccounts(store, given)),
    backup: (path, given) => run('backup', (store) => backup(store, path, given)),
    markBackup: () =>
      run('markBackup', async (store) => {
        store.epoch = await verifyWholeIdentity(store)
        await noteBackup(store)
      }),
    migrate: (given) => run('migrate', (store) => migrate(store, given)),
    recover: (given) => run('recover', (store) => recover(store, given)),
  })
  return blobs

  function close(): Promise<void> {
    closed = true
    void janitor?.stop() // closing waits for the janitor's calls too
    return lifecycle.close()
  }

  /** All or nothing: what was opened is closed when something else fails. */
  async function open(): Promise<StoreContext> {
    await backends.open({ logger })
    try {
      return await openOn(await metadata.open())
    } catch (error) {
      await backends.close().catch(() => {})
      throw error
    }
  }

  async function openOn(opened: Metadata): Promise<StoreContext> {
    try {
      for (const backend of backends.all) {
        if (backend.durable) continue
        logger.warn({ backend: backend.name }, 'This backend may lose acknowledged blobs at a power cut')
      }
      if (times.grace < 3_600_000) {
        logger.warn({ grace: times.grace }, 'The specification requires a grace period of at least one hour')
      }
      const shared = { times: givenTimes, defaults: longest([ownTimes]) }
      const presence = new Presence({ backends, metadata: opened, logger }, shared, {
        agreed(agreed) {
          times = timesInForce(ownTimes, givenTimes, agreed)
          store.times = times
        },
        stayed: () => tellPurges(store),
      })
      const store: StoreContext = {
        backends,
        metadata: opened,
        limits,
        times,
        logger,
        get hooks() {
          return hooks.inForce
        },
        slots,
        presence,
        purgesTold: new Set(),
        epoch: 0,
      }
      store.epoch = await verifyIdentity(store)
      await store.presence.enter()
      logLongerTimes(ownTimes, store)
      if (janitorOptions !== false && !closed) janitor = startJanitor(blobs, janitorOptions, logger)
      return store
    } catch (error) {
      await opened.close().catch(() => {})
      throw error
    }
  }
}

/** Logs when other processes need longer times than this one configures: this is no fault, but may surprise. */
function logLongerTimes(own: ResolvedTimes, { times, logger }: StoreContext): void {
  const { deleteDelay, grace, takedownHold } = times
  if (deleteDelay <= own.deleteDelay && grace <= own.grace && takedownHold <= own.takedownHold) return
  logger.info(
    { deleteDelay, grace, takedownHold },
    'The store uses longer times than this process has configured, because another process has them or the last one had',
  )
}
