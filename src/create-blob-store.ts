import type { BlobStore } from './blob-store.ts'
import { type BlobStoreOptions, checkOptions } from './blob-store-options.ts'
import { PublishedLogger, silent } from './logger.ts'
import type { AcceptLossOptions } from './maintenance/accept-loss.ts'
import { type Janitor, startJanitor } from './maintenance/janitor.ts'
import type { Metadata } from './metadata/metadata.ts'
import { longest } from './metadata/shared-times.ts'
import { deleteAccount, reopenAccount } from './store/accounts.ts'
import { applyWrites } from './store/apply-writes.ts'
import { Backends } from './store/backends.ts'
import type { StoreContext } from './store/context.ts'
import { Hooks } from './store/hooks.ts'
import { verifyIdentity, verifyWholeIdentity } from './store/identity.ts'
import { Lifecycle } from './store/lifecycle.ts'
import { type ResolvedTimes, resolveLimits, resolveTimes, timesInForce } from './store/limits.ts'
import { reverseTakedown, takedown } from './store/moderation.ts'
import { tellModeration } from './store/moderation-news.ts'
import { Presence } from './store/presence.ts'
import {
  importProgress,
  listAccounts,
  listAll,
  listHolders,
  listMissing,
  listPublic,
  listPurges,
  listSpace,
  listTakedowns,
  locate,
  recordsFor,
  usage,
} from './store/queries.ts'
import { read, stat } from './store/read/read.ts'
import { resumableUploads } from './store/resumable/lazy.ts'
import { RunningAppends } from './store/resumable/running-appends.ts'
import { UploadSlots } from './store/upload/slots.ts'
import { closeUnread, holdError } from './store/upload/source.ts'
import { upload } from './store/upload/upload.ts'
import { tracedStore } from './tracing/traced-store.ts'

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
  checkOptions(options)
  const { metadata, privacy, janitor: janitorOptions = {} } = options
  const logger = new PublishedLogger(options.logger ?? silent)
  const hooks = new Hooks(options.hooks)
  const backends = new Backends(options.backend, options.mirror)
  const limits = resolveLimits(options.limits)
  const ownTimes = resolveTimes(options.times)
  const givenTimes = longest([{ ...options.times, mirrorDelay: backends.mirror?.givenDelay }])
  let times = ownTimes
  const slots = new UploadSlots(limits.uploads)
  const appends = new RunningAppends()
  const lifecycle = new Lifecycle(open, logger)
  const run = lifecycle.run.bind(lifecycle)
  let janitor: Janitor | undefined
  let closed = false
  let acceptsLoss: AcceptLossOptions | undefined

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
    resumable: resumableUploads(run),
    applyWrites: (did, writes, given) => run('applyWrites', (store) => applyWrites(store, did, writes, given)),
    read: (did, cid, given) => run('read', (store) => read(store, did, cid, given)),
    presign: (did, cid, given) =>
      run('presign', async (store) => (await import('./store/read/presign.ts')).presign(store, did, cid, given)),
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
    dropSpace: (did, space, given) =>
      run('dropSpace', async (store) => (await import('./store/drop-space.ts')).dropSpace(store, did, space, given)),
    purge: (did, cid, given) =>
      run('purge', async (store) => (await import('./store/purge.ts')).purge(store, did, cid, given)),
    listPurges: (given) => run('listPurges', (store) => listPurges(store, given)),
    listTakedowns: (given) => run('listTakedowns', (store) => listTakedowns(store, given)),
    listHolders: (cid, given) => run('listHolders', (store) => listHolders(store, cid, given)),
    locate: (cid, given) => run('locate', (store) => locate(store, cid, given)),
    deleteAccount: (did, given) => run('deleteAccount', (store) => deleteAccount(store, did, given)),
    reopenAccount: (did, given) => run('reopenAccount', (store) => reopenAccount(store, did, given)),

    collect: (given) =>
      run('collect', async (store) => (await import('./maintenance/collect.ts')).collect(store, given)),
    sweep: (given) => run('sweep', async (store) => (await import('./maintenance/sweep.ts')).sweep(store, given)),
    scrub: (given) => run('scrub', async (store) => (await import('./maintenance/scrub.ts')).scrub(store, given)),
    health: (given) =>
      run('health', async (store) =>
        (await import('./maintenance/health.ts')).health(store, janitor?.runs ?? null, given),
      ),
    stats: () => run('stats', (store) => store.metadata.stats()),
    listAccounts: (given) => run('listAccounts', (store) => listAccounts(store, given)),
    backup: (path, given) =>
      run('backup', async (store) => (await import('./maintenance/backup.ts')).backup(store, path, given)),
    markBackup: () =>
      run('markBackup', async (store) => {
        store.epoch = await verifyWholeIdentity(store)
        await (await import('./maintenance/backup.ts')).noteBackup(store)
      }),
    mirror: (given) => run('mirror', async (store) => (await import('./maintenance/mirror.ts')).mirror(store, given)),
    heal(given) {
      // Opening it must not refuse what has to be healed.
      const acceptLoss = given?.acceptLoss === true
      if (given?.dryRun !== true && (given?.copyOf || acceptLoss || backends.mirror))
        acceptsLoss = { ...given, acceptLoss }
      return run('heal', async (store) => (await import('./maintenance/heal.ts')).heal(store, given)).finally(() => {
        acceptsLoss = undefined
      })
    },
    migrate: (given) =>
      run('migrate', async (store) => (await import('./maintenance/migrate.ts')).migrate(store, given)),
    recover: (given) =>
      run('recover', async (store) => (await import('./maintenance/recover.ts')).recover(store, given)),
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
      return await openOn(await metadata.open({ logger }))
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
          backends.mirror?.agree(agreed.mirrorDelay)
        },
        stayed: () => tellModeration(store),
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
        privacy,
        slots,
        appends,
        presence,
        newsTold: new Set(),
        epoch: 0,
      }
      backends.mirror?.attach(store)
      if (acceptsLoss) await acceptLoss(store, acceptsLoss)
      store.epoch = await verifyIdentity(store)
      await store.presence.enter()
      logLongerTimes(ownTimes, store)
      if (janitorOptions !== false && !closed) {
        const { collect, sweep, mirror } = blobs
        const jobs = { collect, sweep, ...(backends.mirror && { mirror }) }
        janitor = startJanitor(jobs, janitorOptions, logger)
      }
      return store
    } catch (error) {
      await opened.close().catch(() => {})
      throw error
    }
  }
}

/** See `heal`. */
async function acceptLoss(store: StoreContext, options: AcceptLossOptions): Promise<void> {
  const { acceptLoss } = await import('./maintenance/accept-loss.ts')
  await acceptLoss(store, options)
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
