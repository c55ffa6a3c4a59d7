import { BlobStoreError } from '../errors.ts'
import type { BlobBackend, KeyPage, ListOptions } from './backend.ts'
import { untilAborted } from './until-aborted.ts'

/** Whether it has no key at all: a page may be empty and not the last. */
export async function isEmpty(backend: BlobBackend, signal?: AbortSignal): Promise<boolean> {
  for await (const { keys } of pagesOf(backend, { limit: 1, signal })) if (keys.length > 0) return false
  return true
}

/**
 * Every page of a backend's keys. A listing that does not go on would go on for ever.
 *
 * @throws `StorageFailed` when a page ends where the one before it ended, and what the backend throws
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
        `The backend ${backend.name} lists the same keys again: its list, or that of its service, does not begin after what it is given`,
        { backend: backend.name },
      )
    }
    yield page
    cursor = page.cursor
  } while (cursor !== undefined)
}
