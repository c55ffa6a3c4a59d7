import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BlobStoreError } from '../errors.ts'
import type { RunningPds } from './running-pds.ts'

type ErrorClass = new () => Error

/** The CID of no bytes, of an account that cannot be: nobody stores that. */
const nothing = {
  did: 'did:web:pds-blobstore.invalid',
  cid: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
}

/**
 * The class by which this PDS tells "not found": the store that it was configured with throws it, if that is on disk.
 * Else it is looked for where the PDS's own package finds it.
 *
 * @throws `InvalidArgument`
 */
export async function notFoundClassOf(pds: RunningPds): Promise<ErrorClass> {
  const found = (await thrownBy(pds)) ?? (await exportedToPds())
  if (found) return found
  throw new BlobStoreError(
    'InvalidArgument',
    'attachBlobStore: cannot find the PDS’s own BlobNotFoundError; pass it as an option: ' +
      "import { BlobNotFoundError } from '@atproto/repo', from the copy that @atproto/pds has",
  )
}

async function thrownBy({ ctx }: RunningPds): Promise<ErrorClass | null> {
  const configured: { location?: unknown; getStream(cid: unknown): Promise<unknown> } = ctx.blobstore(nothing.did)
  if (typeof configured?.location !== 'string') return null // not on disk: asking would go over the network
  try {
    await configured.getStream({ toString: () => nothing.cid })
    return null
  } catch (error) {
    if (!(error instanceof Error) || error.constructor.name !== 'BlobNotFoundError') return null
    return error.constructor as ErrorClass
  }
}

async function exportedToPds(): Promise<ErrorClass | null> {
  for (const from of [
    import.meta.url,
    pathToFileURL(process.argv[1] ?? '').href,
    pathToFileURL(join(process.cwd(), 'x')).href,
  ]) {
    try {
      const pds = createRequire(from).resolve('@atproto/pds')
      const repo = await import(pathToFileURL(createRequire(pds).resolve('@atproto/repo')).href)
      if (typeof repo.BlobNotFoundError === 'function') return repo.BlobNotFoundError
    } catch {
      // Not from there.
    }
  }
  return null
}
