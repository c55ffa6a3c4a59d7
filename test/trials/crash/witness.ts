import type { MetadataAdapter } from '../../../src/index.ts'
import type { DoomedKey } from '../../../src/metadata/contract/collection.ts'

import type { Journal } from './journal.ts'
import type { Place } from './place.ts'

/**
 * Journals which bytes a collector is about to delete because a sweep has found them. Sweeps clean up after a broken
 * rule before the checker sees it; but without a broken rule there is nothing to clean up, except what was planted.
 */
export function witness(place: Place, metadata: MetadataAdapter, journal: Journal): MetadataAdapter {
  const backend = place.backend()
  return {
    async open() {
      const opened = await metadata.open()
      const dueKeys = async (limit: number, at: number): Promise<DoomedKey[]> => {
        const due = await opened.dueKeys(limit, at)
        // Other tombstones have an account or a size; and bytes that disappeared between a sweep's list and its look-up
        // were none.
        for (const { key, did, size } of due) {
          if (did === null && size === 0 && (await backend.has(key))) journal.swept(key)
        }
        return due
      }
      return { ...opened, dueKeys }
    },
  }
}
