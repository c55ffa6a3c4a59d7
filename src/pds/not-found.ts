import { pathToFileURL } from 'node:url'
import { BlobStoreError } from '../errors.ts'
import { requireFrom } from '../node-require.ts'
import { isError } from '../shapes.ts'
import { nobody } from './pds-package.ts'
import type { PdsPackage, RunningPds } from './running-pds.ts'

type ErrorClass = new () => Error

/** The CID of the empty blob, which the impossible account does not have. */
const noBytes = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/**
 * The class by which this PDS recognizes "not found": the store that it was configured with throws it, if that is on
 * disk. Otherwise it is loaded from where the PDS's own package finds it.
 *
 * @throws `InvalidArgument`
 */
export async function notFoundClassOf(pds: RunningPds, of: PdsPackage | null): Promise<ErrorClass> {
  const found = (await thrownBy(pds)) ?? (of && (await exportedTo(of)))
  if (found) return found
  throw new BlobStoreError(
    'InvalidArgument',
    'attachBlobStore: cannot find the PDS’s own BlobNotFoundError; pass it as an option: ' +
      "import { BlobNotFoundError } from '@atproto/repo', from the copy that @atproto/pds has",
  )
}

async function thrownBy({ ctx }: RunningPds): Promise<ErrorClass | null> {
  const configured: { location?: unknown; getStream(cid: unknown): Promise<{ destroy?(): void } | undefined> } =
    ctx.blobstore(nobody)
  if (typeof configured?.location !== 'string') return null // not on disk: asking would use the network
  try {
    const stream = await configured.getStream({ toString: () => noBytes })
    stream?.destroy?.()
    return null
  } catch (error) {
    if (!isError(error) || error.constructor.name !== 'BlobNotFoundError') return null
    return error.constructor as ErrorClass
  }
}

async function exportedTo({ file }: PdsPackage): Promise<ErrorClass | null> {
  try {
    const repo = await import(pathToFileURL(requireFrom(file).resolve('@atproto/repo')).href)
    return typeof repo.BlobNotFoundError === 'function' ? repo.BlobNotFoundError : null
  } catch {
    return null
  }
}
