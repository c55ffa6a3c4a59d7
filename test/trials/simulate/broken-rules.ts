import type { BlobBackend, MetadataAdapter } from '../../../src/index.ts'
import type { Commit, CommitOutcome, Intent } from '../../../src/metadata/contract/uploads.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'

/**
 * - `row-first`: the row comes only after the bytes
 * - `entry-open`: a commit does not ask whether its entry is open
 * - `bytes-before-commit`: the bytes come only after the commit
 * - `tombstone-last`: the tombstone is dropped before the bytes are deleted
 * - `any-place`: a blob is shown by any reference
 * - `drop-once`: a space counts as dropped after the first transaction
 */
export type BrokenRule = (typeof brokenRules)[number]
// Not that sweeps take the keys of entries for nobody's: a commit finds its key doomed, and the upload stores its bytes again.
// The trial of kill -9 has that one.
export const brokenRules = [
  ...(['row-first', 'entry-open', 'bytes-before-commit', 'tombstone-last'] as const),
  ...(['any-place', 'drop-once'] as const),
] as const

interface Parts {
  backend: BlobBackend
  metadata: MetadataAdapter
}

/** Backend and metadata that break a rule of the protocol: a simulation must detect it. */
export function broken({ backend, metadata }: Parts, rule: BrokenRule | undefined): Parts {
  if (!rule) return { backend, metadata }
  return { backend, metadata: { open: async () => breakers[rule](await metadata.open()) } }
}

const breakers: Record<BrokenRule, (metadata: Metadata) => Metadata> = {
  'row-first': (metadata) => {
    const intents = new Map<string, Intent>()
    return {
      ...metadata,
      intend: async (upload) => void intents.set(upload.key, upload),
      commit: async (upload) => {
        const intent = intents.get(upload.key)
        if (intent) await metadata.intend(intent)
        return metadata.commit(upload)
      },
    }
  },
  'entry-open': (metadata) => ({
    ...metadata,
    async commit({ entry, ...upload }) {
      if (entry) {
        const row = { generation: '', lease: 3_600_000, reserved: false }
        await metadata.intend({ ...upload, ...row })
      }
      return metadata.commit({ ...upload, entry: null })
    },
  }),
  'bytes-before-commit': (metadata) => {
    const outcomes = new Map<string, CommitOutcome>()
    const times = { grace: 86_400_000, fresh: 86_400_000, deleteDelay: 86_400_000, unusedDelay: 1_800_000 }
    return {
      ...metadata,
      intend: async (upload) => {
        await metadata.intend(upload)
        const commit: Commit = { ...upload, entry: null, ...times, mimeType: 'text/plain', declared: false }
        outcomes.set(upload.key, await metadata.commit(commit))
      },
      commit: async (upload) => outcomes.get(upload.key) ?? metadata.commit(upload),
    }
  },
  'tombstone-last': (metadata) => ({
    ...metadata,
    dueKeys: async (limit, at) => {
      const due = await metadata.dueKeys(limit, at)
      await metadata.forgetKeys(due)
      return due
    },
  }),
  'any-place': (metadata) => ({
    ...metadata,
    resolve: (did, cid, options) => metadata.resolve(did, cid, { ...options, scope: null }),
  }),
  'drop-once': (metadata) => {
    const begun = new Set<string>()
    return {
      ...metadata,
      dropSomeOfSpace: async (did, space, options) => {
        const name = `${did} ${space}`
        if (begun.delete(name)) return { dropped: 0, hidden: [] }
        const some = await metadata.dropSomeOfSpace(did, space, options)
        if (some.dropped > 0) begun.add(name)
        return some
      },
    }
  },
}
