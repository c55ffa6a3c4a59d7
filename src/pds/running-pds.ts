import { BlobStoreError } from '../errors.ts'
import type { PdsBlobStoreFactory } from './contract.ts'

/** The parts of a `PDS` of `@atproto/pds` that are used, so that nothing of it is imported. */
export interface RunningPds {
  readonly server?: unknown
  readonly ctx: {
    /** The getter of what PDS.create was given; few parts of the PDS read it. */
    // biome-ignore lint/suspicious/noExplicitAny: the type of the PDS's own, which differs from ours in its CIDs
    blobstore: (did: string) => any
    readonly actorStore: {
      readonly resources: {
        /** Read by every request about an account. */
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

/** The PDS's Kysely, of whichever version: 0.22 runs compiled queries only by its executor. */
export interface ActorConnection {
  getExecutor(): {
    // biome-ignore lint/suspicious/noExplicitAny: a compiled query of that version
    executeQuery(query: any, queryId: any): Promise<{ readonly rows: readonly unknown[] }>
  }
}

/**
 * Checks that the PDS has the parts of {@link RunningPds}.
 *
 * @throws `InvalidArgument`, with a message for the PDS's operator
 */
export function assertRunningPds(pds: RunningPds, of: PdsPackage | null): void {
  const { ctx } = pds ?? {}
  if (typeof ctx !== 'object' || ctx === null)
    throw notAsKnown(of, 'it must be a PDS, as PDS.create returns; it has no ctx')
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
      'attachBlobStore: this PDS already has a blob store of pds-blobstore; attach one, once',
    )
  }
}

/** On every factory that was installed, whichever copy of this package did it. */
const attached = Symbol.for('pds-blobstore.attached')

/** Puts the factory where requests read it, and checks that they will. Returns a function that undoes it. */
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
  throw notAsKnown(of, 'it keeps its own blob store after this package replaced it')

  function set(ofContext: PdsBlobStoreFactory, ofActors: PdsBlobStoreFactory): void {
    try {
      ctx.blobstore = ofContext
      ctx.actorStore.resources.blobstore = ofActors
    } catch {
      // A getter, or a frozen object: the check that follows detects it.
    }
  }
}

export function notAsKnown(of: PdsPackage | null, what: string, cause?: unknown): BlobStoreError {
  const version = of ? `@atproto/pds ${of.version}` : 'of an unknown version'
  return new BlobStoreError(
    'InvalidArgument',
    `attachBlobStore: this PDS (${version}) is not built as @atproto/pds 0.4.2xx and 0.5 are: ${what}. Nothing was changed. ` +
      'Run a version of @atproto/pds that this version of pds-blobstore names in pds-blobstore/docs/adopting.md, or look for a newer pds-blobstore',
    { cause },
  )
}

/** The package that a PDS belongs to. */
export interface PdsPackage {
  version: string
  /** A file in it, from which its own packages are resolved. */
  file: string
}
