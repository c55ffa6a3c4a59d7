import { BlobStoreError } from '../errors.ts'
import type { BlobBackend, KeyPage, ListOptions } from './backend.ts'
import { untilAborted } from './until-aborted.ts'

/** Whether the backend has no keys: a page may be empty without being the last. */
export async function isEmpty(backend: BlobBackend, signal?: AbortSignal): Promise<boolean> {
  for await (const { keys } of pagesOf(backend, { limit: 1, signal })) if (keys.length > 0) return false
  return true
}

/**
 * Iterates over every page of a backend's keys. Stops a listing that repeats itself, which would never end.
 *
 * @throws `StorageFailed` when a page ends at the same cursor as the one before, and what the backend throws
 */
export async function* pagesOf(
  backend: BlobBackend,
  { limit, signal }: Omit<ListOptions, 'cursor'> = {},
): AsyncGenerator<KeyPage> {
  let cursor: string | undefined
  do {
    signal?.throwIfAborted()
    const page = await untilAborted(backend.list({ limit, cursor, signal }), signal)
    if (page.cursor !== undefined && page.cursor === cursor) {
      throw new BlobStoreError(
        'StorageFailed',
        `The backend ${backend.name} lists the same keys again: its list, or that of its service, does not begin after the key that it is given`,
        { backend: backend.name },
      )
    }
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}
