import { BlobStoreError } from '../../errors.ts'
import type { Page } from '../facts.ts'

// A cursor is the sort key of the last item, so it stays valid whatever comes and goes. Opaque, so that nobody relies
// on more than that; and it names its list, since the cursor of another would begin somewhere and look right.

export type ListName = 'referenced' | 'own' | 'missing' | 'accounts'

export function encodeCursor(list: ListName, ...sortKey: [string, string]): string {
  return Buffer.from(JSON.stringify([list, ...sortKey])).toString('base64url')
}

/** The sort key, or null for no cursor. @throws `InvalidArgument` for what no page of this list has given */
export function decodeCursor(list: ListName, cursor: string | undefined): [string, string] | null {
  if (cursor === undefined) return null
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor.slice(0, 20_000), 'base64url').toString())
    if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string')) {
      const [name, ...sortKey] = parts
      // PostgreSQL has no text with a zero in it.
      if (name === list && !sortKey.some((part) => part.includes('\0'))) return sortKey as [string, string]
    }
  } catch {
    // told below
  }
  throw notACursor()
}

export function notACursor(): BlobStoreError {
  return new BlobStoreError(
    'InvalidArgument',
    'Not a cursor that an earlier page of this list gave; start again without one',
  )
}

/** A page from one item more than it holds, by which it knows whether another follows. */
export function pageOf<T>(items: T[], limit: number, cursorOf: (item: T) => string): Page<T> {
  const last = items[limit - 1]
  if (items.length <= limit || last === undefined) return { items }
  return { items: items.slice(0, limit), cursor: cursorOf(last) }
}
