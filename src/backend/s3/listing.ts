import type { KeyPage } from '../backend.ts'
import type { BlobKey } from '../key.ts'
import type { Names } from './layout.ts'
import { listObjects } from './objects.ts'
import { repeatedly } from './retry.ts'
import { OddAnswer } from './s3-error.ts'
import type { Service } from './service.ts'

/**
 * One page of the keys behind `after`. Each request begins behind a name, not at a token of the service's, so that the
 * last key is the whole cursor, valid for ever. Names that are no keys are passed over, and so is the name that was begun
 * behind: some services list it once more.
 */
export async function listKeys(
  service: Service,
  names: Names,
  after: BlobKey | '',
  limit: number,
  signal: AbortSignal | undefined,
): Promise<KeyPage> {
  const prefix = names.blobs
  let extra = 0
  for (let from = after === '' ? '' : names.blob(after); ; ) {
    const page = await repeatedly(
      () => listObjects(service, { prefix, after: from, limit: limit + extra }, signal),
      signal,
    )
    const keys = page.names
      .filter((name) => name > from)
      .map((name) => names.keyOf(name))
      .filter((key) => key !== null)
    const cursor = keys.at(-1)
    if (!page.more) return { keys }
    if (cursor !== undefined) return { keys, cursor }
    const last = page.names.at(-1)
    if (last === from && extra === 0) {
      extra = 1 // a page of one name would hold nothing else
      continue
    }
    if (last === undefined || last <= from) throw new OddAnswer('the service lists the same names again and again')
    from = last
  }
}
