import { parseBlobCid } from '../blob/cid.ts'
import { type FoundBlobRef, findBlobRefs } from '../blob/find-blob-refs.ts'
import { assertDid, assertTid } from '../blob/identifiers.ts'
import {
  assertSpaceUri,
  isInternalSpace,
  placeOfOldRecord,
  placeOfRecord,
  type RecordPlace,
  scopeOf,
} from '../blob/spaces.ts'
import { BlobStoreError } from '../errors.ts'
import type { NamedBy, RecordRefs, WantedRef } from '../metadata/contract/references.ts'
import { assertOneOf, assertOptions, assertWhole } from '../options.ts'
import { printable } from '../printable.ts'
import type { AppliedWrites, ApplyWritesOptions, RecordWrite } from './calls.ts'
import type { StoreContext } from './context.ts'
import { notifyHidden } from './inaccessible.ts'

export async function applyWrites(
  store: StoreContext,
  did: string,
  writes: readonly RecordWrite[],
  options: ApplyWritesOptions,
): Promise<AppliedWrites> {
  const { metadata, times } = store
  assertDid(did)
  assertOptions('applyWrites', options, ['rev', 'spaceRevs', 'trx', 'missing', 'onlyIf', 'signal'])
  const { rev, spaceRevs = {}, trx, missing = 'reject', signal } = options
  assertTid('applyWrites: rev', rev)
  assertRevs(spaceRevs)
  assertOneOf('applyWrites: missing', missing, ['reject', 'expect'])
  if (!Array.isArray(writes)) throw new BlobStoreError('InvalidArgument', 'applyWrites: writes must be an array')
  // Only the last write to each record counts.
  const records = new Map<string, RecordRefs>()
  for (const write of writes) {
    if (typeof write !== 'object' || write === null) {
      throw new BlobStoreError('InvalidArgument', 'applyWrites: each write must be an object')
    }
    const { space } = assertUri(did, write, missing)
    const revOfSpace = space === null || !Object.hasOwn(spaceRevs, space) ? undefined : spaceRevs[space]
    records.set(write.uri, { refs: wantedBy(write, missing), scope: scopeOf(space), rev: revOfSpace ?? rev })
  }
  signal?.throwIfAborted()
  const onlyIf = options.onlyIf && namedBy(options.onlyIf)
  const { hiddenInSpaces, ...rest } = await metadata.applyReferences(did, records, {
    trx,
    missing,
    onlyIf,
    grace: times.grace,
  })
  const applied = { ...rest, hiddenInSpaces: hiddenInSpaces.filter(({ space }) => !isInternalSpace(space)) }
  // Within the host's transaction nothing is committed yet: there the host purges after its commit.
  if (!trx) notifyHidden(store, did, applied)
  return applied
}

function namedBy({ cid, recordUris }: NonNullable<ApplyWritesOptions['onlyIf']>): NamedBy {
  if (Array.isArray(recordUris)) return { cid: parseBlobCid(cid), recordUris }
  throw new BlobStoreError(
    'InvalidArgument',
    'applyWrites: onlyIf needs { cid, recordUris }, as recordsFor returns them',
  )
}

function wantedBy(write: RecordWrite, missing: 'reject' | 'expect'): WantedRef[] {
  if (write.action === 'delete') return []
  if (write.action !== 'create' && write.action !== 'update') {
    throw new BlobStoreError('InvalidArgument', 'applyWrites: action must be create, update or delete')
  }
  if (write.blobs && 'record' in write && write.record !== undefined) {
    throw new BlobStoreError('InvalidArgument', 'applyWrites: give the record, or its blobs, not both')
  }
  if (write.blobs) {
    return write.blobs.map(({ ref, accept, maxSize }) => {
      if (maxSize !== undefined) assertWhole('applyWrites: maxSize', maxSize, 0)
      return { ...oneReference(ref, missing), accept, maxSize }
    })
  }
  if (write.record === undefined) {
    throw new BlobStoreError('InvalidArgument', `applyWrites: ${write.action} needs the record, or its blobs`)
  }
  // One malformed old reference must not prevent the import of a whole repository, nor lose a blob.
  return findBlobRefs(write.record, { broken: missing === 'expect' ? 'keep' : 'refuse' })
}

function oneReference(ref: unknown, missing: 'reject' | 'expect'): FoundBlobRef {
  const [found] = findBlobRefs(ref, { broken: missing === 'expect' ? 'keep' : 'refuse' })
  if (found?.path === '') return found
  throw new BlobStoreError('InvalidBlobRef', 'applyWrites: each of `blobs` must have a blob reference as its `ref`')
}

/** The longest sum of a collection (an NSID, 317) and a record key (512) (https://atproto.com/specs/at-uri-scheme). */
const longestPath = 830

/**
 * A reference counts only for its own repository. What a repository already has is accepted under any name that earlier
 * versions accepted: it must be possible to delete it, and to import it.
 */
function assertUri(did: string, { action, uri }: RecordWrite, missing: 'reject' | 'expect'): RecordPlace {
  const placeOf = action === 'delete' || missing === 'expect' ? placeOfOldRecord : placeOfRecord
  const place = typeof uri === 'string' && printable(uri, uri.length) === uri ? placeOf(uri) : null
  if (place?.did === did && uri.length <= `at://${place.space ?? ''}/${did}/`.length + longestPath) return place
  const message =
    `applyWrites: uri must be that of a record of this account: at://${did}/<collection>/<record key>, or in a space ` +
    `at://<DID of the space>/space/<type>/<key>/${did}/<collection>/<record key>. A collection is an NSID ` +
    '(com.example.post), a record key has 1 to 512 letters, digits or .-_:~'
  throw new BlobStoreError('InvalidArgument', message, { did })
}

function assertRevs(spaceRevs: unknown): void {
  if (typeof spaceRevs !== 'object' || spaceRevs === null) {
    throw new BlobStoreError(
      'InvalidArgument',
      'applyWrites: spaceRevs must be an object, a revision by each space’s URI',
    )
  }
  for (const [space, rev] of Object.entries(spaceRevs)) {
    assertSpaceUri('applyWrites: spaceRevs', space)
    assertTid('applyWrites: spaceRevs', rev)
  }
}
