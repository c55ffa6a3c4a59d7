import type { BlobStore } from '../blob-store.ts'
import { type Logger, silent } from '../logger.ts'
import { assertDelay, assertOptions } from '../options.ts'
import { readActorRows } from './actor-rows.ts'
import { assertAnswers } from './assert-answers.ts'
import type { PdsBlobStoreFactory } from './contract.ts'
import { detach, type PdsBlobStoreOptions, pdsBlobStore } from './factory.ts'
import type { PdsHost } from './host.ts'
import { notFoundClassOf } from './not-found.ts'
import { packageOf } from './pds-package.ts'
import { type ReconcileOptions, type ReconcileReport, reconcile } from './reconcile.ts'
import { assertRunningPds, install, type RunningPds } from './running-pds.ts'

export interface AttachOptions {
  /** The class of that name in the PDS's own copy of `@atproto/repo`. @default found automatically */
  BlobNotFoundError?: (new () => Error) | undefined
  /** Whose limits apply, as in `PdsBlobStoreOptions`. @default 'pds' */
  limits?: PdsBlobStoreOptions['limits']
  /** Time between two reconciliations, in milliseconds; the first comes after a minute. @default 86_400_000 (24 h) */
  reconcileEvery?: number | undefined
  /** @default silent */
  logger?: Logger | undefined
}

export interface Attachment extends AsyncDisposable {
  /** The factory that the PDS now uses. */
  readonly blobstore: PdsBlobStoreFactory
  /** Makes the store consistent with the PDS now, instead of at the next regular time. See docs/adopting.md. */
  reconcile(options?: ReconcileOptions): Promise<ReconcileReport>
  /**
   * Stops reconciling, and waits for running work. Call it when the PDS was destroyed, before `blobs.close()`. A
   * janitor that still runs forgets no blob afterwards, because the PDS cannot be asked.
   */
  stop(): Promise<void>
}

/**
 * Replaces the blob store that a PDS of `@atproto/pds` was configured with. Call it after `PDS.create` and before
 * `start`, or in the `onCreated` of `PDS.run`. When it resolves, the store is open and the PDS uses it.
 *
 * With `limits: 'store'`, note that Bluesky's own records use more types than `createBlobStore` accepts by default:
 * give it `accept: socialAccept`.
 *
 * @example
 * ```ts
 * import { createBlobStore, DiskBackend, socialAccept, sqliteMetadata } from 'pds-blobstore'
 * import { attachBlobStore, type RunningPds } from 'pds-blobstore/pds'
 *
 * const blobs = createBlobStore({
 *   backend: new DiskBackend({ root: '/pds/blobstore' }),
 *   metadata: sqliteMetadata('/pds/blobstore.sqlite'),
 *   limits: { accept: socialAccept },
 * })
 * const onCreated = async (pds: RunningPds) => {
 *   await attachBlobStore(pds, blobs, { limits: 'store' })
 * }
 * // import { PDS } from '@atproto/pds'
 * // await PDS.run({ onCreated })
 * ```
 *
 * @throws `InvalidArgument` if the PDS is not of a form that this package knows, or was started; and as `blobs.ready`
 */
export async function attachBlobStore(
  pds: RunningPds,
  blobs: BlobStore,
  options: AttachOptions = {},
): Promise<Attachment> {
  assertOptions('attachBlobStore', options, ['BlobNotFoundError', 'limits', 'reconcileEvery', 'logger'])
  const { limits, reconcileEvery = 86_400_000, logger = silent } = options
  assertDelay('attachBlobStore: reconcileEvery', reconcileEvery, 1)
  const of = typeof pds?.ctx?.actorStore?.openDb === 'function' ? await packageOf(pds) : null
  assertRunningPds(pds, of)
  const BlobNotFoundError = options.BlobNotFoundError ?? (await notFoundClassOf(pds, of))
  await assertAnswers(pds, of)
  await blobs.ready()

  const host = hostOf(pds)
  const former = blobs.hooks.referenced
  const blobstore = pdsBlobStore(blobs, { ...host, BlobNotFoundError, limits })
  try {
    install(pds, of, blobstore)
    forgetDestroyed(pds, blobs, logger)
  } catch (error) {
    blobs.setHooks({ referenced: former })
    throw error
  }

  const stopping = new AbortController()
  let round: Promise<unknown> = Promise.resolve()
  let timer = setTimeout(start, Math.min(60_000, reconcileEvery)).unref()

  return { blobstore, reconcile: run, stop, [Symbol.asyncDispose]: stop }

  function run(given: ReconcileOptions = {}): Promise<ReconcileReport> {
    assertOptions('reconcile', given, ['force', 'signal'])
    return reconcile({ blobs, host, logger }, given)
  }

  function start(): void {
    round = run({ signal: stopping.signal })
      .then((report) => logger.info({ ...report }, 'The blob store was made consistent with the PDS'))
      .catch((error: unknown) => {
        if (!stopping.signal.aborted) logger.error({ err: error }, 'Reconciling failed; it is tried again')
      })
      .finally(() => {
        if (!stopping.signal.aborted) timer = setTimeout(start, reconcileEvery).unref()
      })
  }

  async function stop(): Promise<void> {
    clearTimeout(timer)
    stopping.abort()
    await round
    detach(blobs)
  }
}

/** The questions of the store, answered by the PDS. */
function hostOf(pds: RunningPds): PdsHost {
  return {
    async referenced(did, cids, how) {
      if (await pds.ctx.actorStore.exists(did)) return readActorRows(pds, did, cids, how)
      if (await isGone(did)) return []
      throw new Error(`The PDS has the account ${did}, but no database of it can be read`)
    },
    // The PDS deletes the account first, then notifies its blob store, and removes the account's database last.
    isDeleted: isGone,
  }

  async function isGone(did: string): Promise<boolean> {
    const account = await pds.ctx.accountManager.getAccount(did, { includeDeactivated: true, includeTakenDown: true })
    return account === null || account === undefined
  }
}

/**
 * Forgets what an account had when the PDS has removed the account's database. PDS 0.4 calls a blob store to delete
 * blobs while the account and all rows are still there, so the answer to whether they may be deleted is no.
 */
function forgetDestroyed({ ctx }: RunningPds, blobs: BlobStore, logger: Logger): void {
  const { actorStore } = ctx
  const { destroy } = actorStore
  actorStore.destroy = async (did) => {
    await destroy.call(actorStore, did)
    try {
      const { count, reserved } = await blobs.usage(did)
      if (count === 0 && reserved === 0) return
      await blobs.deleteAccount(did)
      await blobs.reopenAccount(did)
    } catch (error) {
      logger.warn(
        { err: error, did },
        'Not all blobs of a deleted account were forgotten; reconciling forgets the rest',
      )
    }
  }
}
