import type { BlobBackend, MetadataAdapter } from '../../../src/index.ts'
import type { Intent } from '../../../src/metadata/contract/uploads.ts'

import { meddle, meddleMetadata } from '../../support/meddling.ts'
import type { Place } from './place.ts'
import { staleCollector } from './stale-collector.ts'

/**
 * The rules of the protocol that `--break` removes; without one of them the trial must find losses or orphans, or it
 * proves nothing. `early-ack` is in the journal, `fk` partly in the tables: see `dropForeignKeys`.
 */
export const brokenRules = ['row-first', 'entry-known', 'fk', 'early-ack'] as const
export type BrokenRule = (typeof brokenRules)[number]

interface Parties {
  backend: BlobBackend
  metadata: MetadataAdapter
}

export function breakRule(
  rule: BrokenRule | null,
  place: Place,
  backend: BlobBackend,
  metadata: MetadataAdapter,
): Parties {
  if (rule === 'row-first') return bytesFirst(backend, metadata)
  if (rule === 'entry-known') return { backend, metadata: otherNumber(metadata) }
  if (rule === 'fk') return { backend, metadata: staleCollector(place, metadata) }
  return { backend, metadata }
}

/** The row comes after the bytes. */
function bytesFirst(backend: BlobBackend, metadata: MetadataAdapter): Parties {
  const deferred = new Map<string, () => Promise<void>>()
  return {
    metadata: {
      async open() {
        const opened = await metadata.open()
        const intend = async (intent: Intent) => void deferred.set(intent.key, () => opened.intend(intent))
        return { ...opened, intend }
      },
    },
    backend: meddle(backend, {
      async put(key, body, options) {
        await backend.put(key, body, options)
        await deferred.get(key)?.()
        deferred.delete(key)
      },
    }),
  }
}

/** Sweeps take the keys of entries for nobody's: the store's keys have another number than its entry. */
function otherNumber(metadata: MetadataAdapter): MetadataAdapter {
  return meddleMetadata(metadata, (inner) => {
    let number = 0
    return {
      async enter(process) {
        const entered = await inner.enter(process)
        number = entered.number
        return { ...entered, number: number + 1 }
      },
      commit: (upload) => inner.commit({ ...upload, entry: upload.entry && { ...upload.entry, number } }),
    }
  })
}
