import type { GivenUp } from '../../src/metadata/contract/uploads.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { day, hour } from '../support/samples.ts'
import { type Bench, intended, type Subjects, size, stored, uploaded, write } from './bench.ts'

type Step = (metadata: Metadata) => Promise<unknown>

/**
 * Two concurrent transactions, the state before them, and what must be true after, in addition to what is always true.
 */
export interface Meeting {
  name: string
  /** Prepares the state. */
  prepare(bench: Bench, metadata: Metadata, subjects: Subjects): Promise<{ one: Step; other: Step; after?: Check }>
}

/** Both have ended. @throws if their results are impossible */
type Check = (one: PromiseSettledResult<unknown>, other: PromiseSettledResult<unknown>) => Promise<void> | void

const deleteDelay = 0

const collectBlobs = (did: string, cid: string) => (metadata: Metadata) =>
  metadata.collectBlobs(did, [cid], { deleteDelay, takedownHold: day })

const deleteAll = (did: string) => async (metadata: Metadata) => {
  const mark = await metadata.markDeleted(did)
  while (await metadata.deleteSome(did, mark, { limit: 100, deleteDelay, takedownHold: day })) {}
}

/** Resolves with whether the blob was there when it was taken down, and whether it still is. */
const takedown = (did: string, cid: string, owner: string) => async (metadata: Metadata) => {
  await metadata.takedown(did, cid, { ref: null, by: null })
  const looked = { as: 'moderator' as const, scope: null }
  const taken = (await metadata.resolve(owner, cid, looked)) !== null
  return async () => taken && (await metadata.resolve(owner, cid, looked)) === null
}

export const meetings: Meeting[] = [
  {
    name: 'the last two blobs of a CID are collected',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      for (const did of [alice, bob]) await uploaded(metadata, did, cid)
      clock.advance(2 * hour)
      return { one: collectBlobs(alice, cid), other: collectBlobs(bob, cid) }
    },
  },
  {
    name: 'the last two accounts that have a CID are deleted',
    async prepare(_bench, metadata, { alice, bob, cid }) {
      for (const did of [alice, bob]) await uploaded(metadata, did, cid)
      return { one: deleteAll(alice), other: deleteAll(bob) }
    },
  },
  {
    name: 'the last blob of a CID is collected, and another account uploads it',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      clock.advance(2 * hour)
      const commit = { ...(await intended(metadata, bob, cid)), fresh: 9 * hour }
      return { one: collectBlobs(alice, cid), other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
  {
    name: 'the last blob of a CID is collected, and another account brings better bytes',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      clock.advance(2 * hour)
      const commit = await intended(metadata, bob, cid)
      return { one: collectBlobs(alice, cid), other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
  {
    name: 'a quarantined blob is collected, and its account uploads it again',
    async prepare({ clock }, metadata, { alice, cid }) {
      await metadata.commit({ ...(await intended(metadata, alice, cid)), quarantine: 'spam' })
      clock.advance(25 * hour)
      const commit = { ...(await intended(metadata, alice, cid)), quarantine: 'spam' }
      const after: Check = async (...ended) => {
        bothSucceed(...ended)
        const { items } = await metadata.listTakedowns({ cid, quarantined: true, limit: 10, cursor: undefined })
        if (items.length !== 1) throw new Error('it is public')
      }
      const one: Step = (m) => m.collectBlobs(alice, [cid], { deleteDelay, takedownHold: 0 })
      return { one, other: (m) => m.commit(commit), after }
    },
  },
  {
    name: 'a quarantined blob is collected, and taken down',
    async prepare({ clock }, metadata, { alice, cid }) {
      await metadata.commit({ ...(await intended(metadata, alice, cid)), quarantine: 'spam' })
      clock.advance(25 * hour)
      return { one: takedown(alice, cid, alice), other: collectBlobs(alice, cid), after: held }
    },
  },
  {
    name: 'the account of a quarantined upload is deleted while it is committed',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = { ...(await intended(metadata, alice, cid)), quarantine: 'spam' }
      return { one: (m) => m.commit(commit), other: deleteAll(alice) }
    },
  },
  {
    name: 'two uploads of new bytes are committed',
    async prepare(_bench, metadata, { alice, bob, cid }) {
      const commits = [await intended(metadata, alice, cid), await intended(metadata, bob, cid)] as const
      return { one: (m) => m.commit(commits[0]), other: (m) => m.commit(commits[1]), after: bothSucceed }
    },
  },
  {
    name: 'two uploads replace bytes that were not looked at for long',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      await write(metadata, alice, 'a', [cid])
      clock.advance(2 * hour)
      const commits = [await intended(metadata, alice, cid), await intended(metadata, bob, cid)] as const
      return { one: (m) => m.commit(commits[0]), other: (m) => m.commit(commits[1]), after: bothSucceed }
    },
  },
  {
    name: 'an upload is committed, and collected because its lease is over',
    async prepare({ clock }, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      clock.advance(2 * hour)
      return {
        one: (m) => m.commit(commit),
        other: (m) => m.collectUpload(alice, commit.key, { unusedDelay: 0 }),
        after(one, other) {
          const collected = other.status === 'fulfilled' && other.value === true
          if (collected !== (one.status === 'rejected')) throw new Error('both or none have it')
        },
      }
    },
  },
  ...(['swept', 'given up'] as const).map(
    (how): Meeting => ({
      name: `an upload without a row is committed, and its entry closed and the key ${how}`,
      async prepare(_bench, metadata, { alice, cid }) {
        const commit = await stored(metadata, alice, cid)
        return {
          one: (m) => m.commit(commit),
          async other(m) {
            await m.leave(commit.entry.id)
            return how === 'swept' ? sweep(m, commit.key) : giveUp(m, commit)
          },
          after: oneOfBoth,
        }
      },
    }),
  ),
  {
    name: 'two uploads without rows stand before the border of a quota',
    async prepare(bench, metadata, { alice, cid }) {
      const quota = { bytes: size + 1, blobs: 9, temporaryBlobs: 9, pendingBytes: 99 }
      const commits = [
        await stored(metadata, alice, cid, quota),
        await stored(metadata, alice, bench.fresh().cid, quota),
      ] as const
      return {
        one: (m) => m.commit(commits[0]),
        other: (m) => m.commit(commits[1]),
        after(...results) {
          const granted = results.filter(({ status }) => status === 'fulfilled').length
          if (granted !== 1) throw new Error(`${granted} were granted`)
        },
      }
    },
  },
  {
    name: 'a record is imported while the upload that it expects is committed',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      const one: Step = (m) => write(m, alice, 'a', [cid], 'expect')
      return { one, other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
  {
    name: 'the last two references are dropped',
    async prepare(_bench, metadata, { alice, cid }) {
      await uploaded(metadata, alice, cid)
      for (const rkey of ['a', 'b']) await write(metadata, alice, rkey, [cid])
      return { one: (m) => write(m, alice, 'a', []), other: (m) => write(m, alice, 'b', []), after: bothSucceed }
    },
  },
  {
    name: 'a blob is referenced while it is collected',
    async prepare({ clock }, metadata, { alice, cid }) {
      await uploaded(metadata, alice, cid)
      clock.advance(2 * hour)
      return {
        one: (m) => write(m, alice, 'a', [cid]),
        other: collectBlobs(alice, cid),
        after(one, other) {
          const collected = other.status === 'fulfilled' && other.value === 1
          if (collected !== (one.status === 'rejected')) throw new Error('both or none have it')
        },
      }
    },
  },
  {
    name: 'an upload is committed while it is taken down',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      return {
        one: (m) => m.commit(commit),
        other: (m) => m.takedown('*', cid, { ref: null, by: null }),
        async after() {
          const seen = await metadata.resolve(alice, cid, { as: 'account', scope: null })
          if (seen) throw new Error('it is seen')
        },
      }
    },
  },
  ...(['*', 'alice'] as const).flatMap((whose) => [
    {
      name: `a blob is collected while it is taken down for ${whose}`,
      async prepare({ clock }, metadata, { alice, cid }) {
        await uploaded(metadata, alice, cid)
        clock.advance(2 * hour)
        return {
          one: takedown(whose === '*' ? whose : alice, cid, alice),
          other: collectBlobs(alice, cid),
          after: held,
        }
      },
    } satisfies Meeting,
    {
      name: `an account is deleted while a blob of it is taken down for ${whose}`,
      async prepare(_bench, metadata, { alice, cid }) {
        await uploaded(metadata, alice, cid)
        return { one: takedown(whose === '*' ? whose : alice, cid, alice), other: deleteAll(alice), after: held }
      },
    } satisfies Meeting,
  ]),
  ...(['intend', 'commit', 'reference', 'expect'] as const).map(
    (what): Meeting => ({
      name: `an account is deleted, and there is a transaction of its own: ${what}`,
      async prepare(_bench, metadata, { alice, cid }) {
        await uploaded(metadata, alice, cid)
        const commit = await intended(metadata, alice, cid)
        const steps: Record<typeof what, Step> = {
          intend: (m) => intended(m, alice, cid).then(({ key }) => m.collectUpload(alice, key, { unusedDelay: 0 })),
          commit: (m) => m.commit(commit),
          reference: (m) => write(m, alice, 'a', [cid]),
          expect: (m) => write(m, alice, 'a', ['bafkreiexpected'], 'expect'),
        }
        return { one: deleteAll(alice), other: steps[what] }
      },
    }),
  ),
  {
    name: 'two uploads stand before the border of a quota',
    async prepare(_bench, _metadata, { alice, cid }) {
      const quota = { bytes: size + 1, blobs: 9, temporaryBlobs: 9, pendingBytes: 99 }
      const step: Step = (m) => intended(m, alice, cid, quota)
      return {
        one: step,
        other: step,
        after(...results) {
          const granted = results.filter(({ status }) => status === 'fulfilled').length
          if (granted !== 1) throw new Error(`${granted} were granted`)
        },
      }
    },
  },
  {
    name: 'damaged bytes are replaced by a copy, and by an upload',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      const old = await metadata.contentOf(cid)
      if (!old) throw new Error('no content')
      clock.advance(2 * hour)
      const [commit, key] = [await intended(metadata, bob, cid), `${old.key}-copy`]
      await metadata.intendCopy({ key, backend: 'disk', cid, lease: hour })
      const one: Step = (m) => m.replaceContent({ old, key, backend: 'disk', deleteDelay })
      return { one, other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
  {
    name: 'bytes are adopted, and uploaded',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      clock.advance(2 * hour)
      const commit = await intended(metadata, bob, cid)
      const content = { cid, key: `${commit.key}-found`, backend: 'disk', size }
      const one: Step = (m) => m.adopt({ content, did: alice, mimeType: 'text/plain', grace: hour, deleteDelay })
      return { one, other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
  {
    name: 'an account is counted again while it uploads',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      return { one: (m) => m.recount(alice), other: (m) => m.commit(commit), after: bothSucceed }
    },
  },
]

/** Resolves with how many of the keys it dooms. */
async function sweep(metadata: Metadata, key: string): Promise<number> {
  const id = `sweep of ${key}`
  const unknown = await metadata.noteUnknown(id, [key])
  await metadata.doomNoted(id, { backend: 'disk', limit: 10, deleteDelay: 0 })
  return unknown
}

/** Resolves with how many keys it dooms. */
async function giveUp(metadata: Metadata, upload: GivenUp): Promise<number> {
  await metadata.giveUp(upload)
  return (await metadata.recoverableKeys([upload.key])).doomed.length
}

/** The commit was done, or the key was doomed. */
function oneOfBoth(committed: PromiseSettledResult<unknown>, doomed: PromiseSettledResult<unknown>): void {
  if (doomed.status === 'rejected') throw doomed.reason
  if ((committed.status === 'fulfilled') !== (doomed.value === 0)) throw new Error('both or none have it')
}

async function held(taken: PromiseSettledResult<unknown>, deleted: PromiseSettledResult<unknown>): Promise<void> {
  bothSucceed(taken, deleted)
  const isGone = (taken as PromiseFulfilledResult<() => Promise<boolean>>).value
  if (await isGone()) throw new Error('what was taken down is gone')
}

function bothSucceed(...results: PromiseSettledResult<unknown>[]): void {
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
