import type { BlobCid } from '../../blob/cid.ts'
import type { SpaceUri } from '../../blob/spaces.ts'
import type { InTransaction } from '../host-database.ts'
import type { DifferingClaim } from '../types.ts'

/** How records reference blobs. */
export interface ReferenceSteps {
  /**
   * Makes the references of each record exactly those given. Checks all before it writes any.
   *
   * @throws as `BlobStore.applyWrites`
   */
  applyReferences(
    did: string,
    records: ReadonlyMap<string, RecordRefs>,
    options: ApplyOptions,
  ): Promise<AppliedReferences>

  /** Forgets up to `limit` references of the account's records in a space. If it forgets none, none was left. */
  dropSomeOfSpace(did: string, space: SpaceUri, options: DropOptions): Promise<DroppedReferences>
}

export interface DropOptions {
  limit: number
  grace: number
}

export interface DroppedReferences {
  /** How many references were forgotten, those to missing blobs included. */
  dropped: number
  /** CIDs that lost their last reference in the space. */
  hidden: BlobCid[]
}

export interface AppliedReferences {
  /** False if `onlyIf` did not hold: then nothing was written. */
  applied: boolean
  /** CIDs that lost their last public reference. */
  hidden: BlobCid[]
  /** CIDs that lost their last reference in a space. */
  hiddenInSpaces: { space: SpaceUri; cid: BlobCid }[]
  /** Of imported records: references to blobs that the account holds with another type or size. At most 100. */
  differing: DifferingClaim[]
}

/** The blobs that one record references, and the scope in which they are visible through it. */
export interface RecordRefs {
  refs: readonly WantedRef[]
  /** `public`, or the URI of the space that the record is in. */
  scope: string
  /** The revision of its repository. */
  rev: string
}

/** A reference as the record has it. */
export interface WantedRef {
  cid: BlobCid
  mimeType: string
  /** Undefined if the reference has no size, as in the legacy form. */
  size: number | undefined
  accept?: readonly string[] | undefined
  maxSize?: number | undefined
}

export interface ApplyOptions extends InTransaction {
  grace: number
  missing: 'reject' | 'expect'
  onlyIf?: NamedBy | undefined
}

/** The condition that exactly these records reference the account's blob. */
export interface NamedBy {
  cid: BlobCid
  recordUris: readonly string[]
}
