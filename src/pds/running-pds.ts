import { BlobStoreError } from '../errors.ts'
import type { PdsBlobStoreFactory } from './contract.ts'

/** As much of a `PDS` of `@atproto/pds` as is needed, so that nothing of it is imported. */
export interface RunningPds {
  readonly server?: unknown
  readonly ctx: {
    /** The getter of what PDS.create was given; what few parts of the PDS read. */
    // biome-ignore lint/suspicious/noExplicitAny: the type of the PDS's own, which differs from ours in its CIDs
    blobstore: (did: string) => any
    readonly actorStore: {
      readonly resources: {
        /** What every request of an account reads. */
        // biome-ignore lint/suspicious/noExplicitAny: as above
        blobstore: (did: string) => any
      }
      /** Has the folder of its databases, as `directory`. */
      readonly cfg: object
      // biome-ignore lint/suspicious/noExplicitAny: a key pair of the PDS's own
      create(did: any, keypair: any): Promise<void>
      // biome-ignore lint/suspicious/noExplicitAny: a DID of the PDS's own type
      destroy(did: any): Promise<void>
      exists(did: string): Promise<boolean>
      openDb(did: string): Promise<ActorDatabase>
    }
    readonly accountManager: {
      getAccount(did: string, flags: { includeDeactivated: boolean; includeTakenDown: boolean }): Promise<unknown>
    }
  }
}

/** The database of one account, as the PDS opens it. */
export interface ActorDatabase {
  readonly db: {
    connection(): { execute<T>(run: (one: ActorConnection) => Promise<T>): Promise<T> }
  }
  close(): void
}

/** A Kysely of the PDS's, of whichever version: 0.22 runs compiled queries by its executor alone. */
export interface ActorConnection {
  getExecutor(): {
    // biome-ignore lint/suspicious/noExplicitAny: a compiled query of that version
    executeQuery(query: any, queryId: any): Promise<{ readonly rows: readonly unknown[] }>
  }
}

/**
 * The PDS must have what {@link RunningPds} says, where this package knows it to be.
 *
 * @throws `InvalidArgument` in words for who runs the PDS
 */
export function assertRunningPds(pds: RunningPds, of: PdsPackage | null): void {
  const { ctx } = pds ?? {}
  if (typeof ctx !== 'object' || ctx === null)
    throw notAsKnown(of, 'it must be a PDS, as PDS.create gives; it has no ctx')
  const missing = [
    typeof ctx.blobstore === 'function' ? [] : ['ctx.blobstore'],
    typeof ctx.actorStore?.resources?.blobstore === 'function' ? [] : ['ctx.actorStore.resources.blobstore'],
    typeof ctx.actorStore?.cfg === 'object' ? [] : ['ctx.actorStore.cfg'],
    typeof ctx.actorStore?.create === 'function' ? [] : ['ctx.actorStore.create'],
    typeof ctx.actorStore?.destroy === 'function' ? [] : ['ctx.actorStore.destroy'],
    typeof ctx.actorStore?.exists === 'function' ? [] : ['ctx.actorStore.exists'],
    typeof ctx.actorStore?.openDb === 'function' ? [] : ['ctx.actorStore.openDb'],
    typeof ctx.accountManager?.getAccount === 'function' ? [] : ['ctx.accountManager.getAccount'],
  ].flat()
  if (missing.length > 0) throw notAsKnown(of, `it has no ${missing.join(', no ')}`)
  if (pds.server) {
    throw new BlobStoreError(
      'InvalidArgument',
      'attachBlobStore: this PDS has been started; attach between PDS.create and start, or in PDS.run’s onCreated',
    )
  }
  if (attached in ctx.blobstore || attached in ctx.actorStore.resources.blobstore) {
    throw new BlobStoreError(
      'InvalidArgument',
      'attachBlobStore: this PDS has a blob store of pds-blobstore already; attach one, once',
    )
  }
}

/** On every factory that was put in place, whichever copy of this package did it. */
const attached = Symbol.for('pds-blobstore.attached')

/** Puts the factory where requests read it, and looks whether they will. Resolves with how to undo it. */
export function install(pds: RunningPds, of: PdsPackage | null, factory: PdsBlobStoreFactory): () => void {
  const { ctx } = pds
  const former = { ctx: ctx.blobstore, resources: ctx.actorStore.resources.blobstore }
  set(factory, factory)
  const took = ctx.blobstore === factory && ctx.actorStore.resources.blobstore === factory
  const undo = () => set(former.ctx, former.resources)
  if (took) {
    Object.defineProperty(factory, attached, { value: true })
    return undo
  }
  undo()
  throw notAsKnown(of, 'it keeps its own blob store where this package put another')

  function set(ofContext: PdsBlobStoreFactory, ofActors: PdsBlobStoreFactory): void {
    try {
      ctx.blobstore = ofContext
      ctx.actorStore.resources.blobstore = ofActors
    } catch {
      // A getter, or a frozen object: seen by the look that follows.
    }
  }
}

export function notAsKnown(of: PdsPackage | null, what: string, cause?: unknown): BlobStoreError {
  const version = of ? `@atproto/pds ${of.version}` : 'of a version that cannot be found out'
  return new BlobStoreError(
    'InvalidArgument',
    `attachBlobStore: this PDS (${version}) is not built as @atproto/pds 0.4.2xx and 0.5 are: ${what}. Nothing was changed. ` +
      'Run a version of @atproto/pds that this version of pds-blobstore names in docs/adopting.md, or look for a newer pds-blobstore',
    { cause },
  )
}

/** The package that a PDS is of. */
export interface PdsPackage {
  version: string
  /** A file in it, from which its own packages are found. */
  file: string
}
