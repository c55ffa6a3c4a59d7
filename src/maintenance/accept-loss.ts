import type { CallOptions } from '../backend/backend.ts'
import { isEmpty } from '../backend/pages.ts'
import { BlobStoreError } from '../errors.ts'
import { alarm } from '../logger.ts'
import { markerOf, type Parties } from '../store/identity.ts'

/**
 * For a backend that has lost its marker with its bytes, on a new disk or in an emptied bucket: writes the marker again,
 * so that the store opens, and the next check finds the two together. What was uploaded since may be there already.
 * Only if copies are there: if the disk of the mirror is missing too, perhaps nothing is lost, and no disk is mounted.
 *
 * @throws `StoreMismatch` if there are bytes of another store, and what the mirror throws
 */
export async function acceptLoss(
  { backends, metadata, logger }: Parties,
  { elsewhere, signal }: { elsewhere: boolean } & CallOptions,
): Promise<void> {
  for (const backend of backends.all) {
    if ((await backend.readMarker()) !== null || !(await metadata.hasContent(backend.name))) continue
    await backend.open({ logger }) // its folders are gone too, if that happened while it was open
    if (!(await isEmpty(backend))) {
      const { keys } = await backend.list()
      const { unknown } = await metadata.recoverableKeys(keys)
      if (unknown.length > 0 && unknown.length === keys.length) throw notOurs(backend.name)
    }
    if (!elsewhere) await backends.mirror?.open({ signal })
    alarm(
      logger,
      { backend: backend.name },
      'The backend has lost its marker, and with it its bytes: it is used again, because the store is being healed',
    )
    await backend.writeMarker(JSON.stringify(markerOf(await metadata.identity())))
  }
}

function notOurs(backend: string): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend} holds bytes that this database does not know. Give the right folder or bucket, or an empty one. Nothing was changed`,
    { backend },
  )
}
