import { pagesOf } from '../backend/pages.ts'
import { cidOfStream } from '../blob/cid.ts'
import { BlobStoreError } from '../errors.ts'
import { alarm } from '../logger.ts'
import type { StoreContext } from '../store/context.ts'
import { markerOf } from '../store/marker.ts'
import { type CopySources, copiesOf } from './copies.ts'
import { asyncIterator } from './replace.ts'

/** Of how many objects a copy is looked for, before a backend counts as lost. */
const tried = 100
const pageSize = 100

export interface AcceptLossOptions extends CopySources {
  /** Even if there is no copy. @default false */
  acceptLoss?: boolean | undefined
}

/**
 * For a backend that has lost its marker with its bytes, on a new disk or in an emptied bucket: writes the marker again,
 * so that the store opens, and the next check finds the two together. What was uploaded since may be there already.
 * Only if there is a copy of some of its objects: without one, perhaps nothing is lost, and its disk is not mounted.
 *
 * @throws `StoreMismatch` if there are bytes of another store, or no copy; and what the mirror throws
 */
export async function acceptLoss(store: StoreContext, options: AcceptLossOptions): Promise<void> {
  const { backends, metadata, logger } = store
  for (const backend of backends.all) {
    if ((await backend.readMarker()) !== null || !(await metadata.hasContent(backend.name))) continue
    if (!options.acceptLoss) await assertCopies(store, backend.name, options)
    await backend.open({ logger }) // its folders are gone too, if that happened while it was open
    for await (const { keys } of pagesOf(backend, { signal: options.signal })) {
      if (keys.length === 0) continue
      const { unknown } = await metadata.recoverableKeys(keys)
      if (unknown.length === keys.length) throw notOurs(backend.name)
      break
    }
    alarm(
      logger,
      { backend: backend.name },
      'The backend has lost its marker, and with it its bytes: it is used again, because the store is being healed',
    )
    await backend.writeMarker(JSON.stringify(markerOf(await metadata.identity())))
  }
}

/** @throws `StoreMismatch` if no copy of the backend's objects is good; if one could not be read, why */
async function assertCopies(store: StoreContext, backend: string, sources: CopySources): Promise<void> {
  let [after, objects] = ['', 0]
  let failure: { error: unknown } | undefined
  const { mirror } = store.backends
  try {
    // First, because it may be newer than the rows about it, which are corrected then.
    if (await mirror?.isBegun(sources)) await mirror?.open(sources)
  } catch (error) {
    sources.signal?.throwIfAborted()
    failure = { error }
  }
  while (objects < tried) {
    const page = await store.metadata.contents({ after, limit: pageSize })
    const last = page.at(-1)
    if (!last) break
    after = last.cid
    for (const content of page.filter((content) => content.backend === backend)) {
      objects += 1
      for await (const { open } of copiesOf(store, content, sources)) {
        try {
          const copy = await open()
          if (copy !== undefined && (await cidOfStream(asyncIterator(copy))) === content.cid) return
        } catch (error) {
          sources.signal?.throwIfAborted()
          failure ??= { error }
        }
      }
    }
  }
  throw failure ? failure.error : noCopies(backend, objects)
}

function noCopies(backend: string, objects: number): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend} has lost its marker, and of ${objects} objects that it had none has a copy where you say. Is its disk ` +
      'mounted, and is the place of the copies right? If all is lost, go on with `acceptLoss: true` (--accept-loss). Nothing was changed',
    { backend },
  )
}

function notOurs(backend: string): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend} holds bytes that this database does not know. Give the right folder or bucket, or an empty one. Nothing was changed`,
    { backend },
  )
}
