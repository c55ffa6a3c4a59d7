import type { Metadata } from '../../src/metadata/metadata.ts'
import { day, hour } from '../support/samples.ts'
import { intended, size, stored, uploaded, write } from './bench.ts'
import type { Meeting } from './meetings.ts'

// A purge, which is several transactions, and whatever may meet it. It has no bytes here: what it would delete are the keys
// that it lists.

/** Resolves with the keys that it listed, and with whether it ended. */
async function purge(metadata: Metadata, did: string, cid: string): Promise<{ listed: string[]; ended: boolean }> {
  const id = `purge of ${cid} ${Math.random()}`
  await metadata.beginPurge({ id, did, cid, reason: null, by: null })
  const uploads = await metadata.awaitUploads(did, cid)
  for (const holder of await metadata.purgedHolders(did, cid, { after: '', limit: 100 })) {
    while (await metadata.releasePurged(holder, cid, { limit: 1 })) {}
  }
  const listed = (await metadata.purgedKeys(did, cid, { after: '', limit: 100 })).map(({ key }) => key)
  await metadata.endPurge(did, cid, { keys: listed.length, complete: uploads === 0 })
  return { listed, ended: (await metadata.purgeRecord(id))?.goneAt !== null }
}

/** No account has it; and where the purge has ended, it has deleted every key that is not still being uploaded. */
const gone =
  (metadata: Metadata, cid: string): NonNullable<Awaited<ReturnType<Meeting['prepare']>>['after']> =>
  async (purged) => {
    if (purged.status === 'rejected') throw purged.reason
    const { listed, ended } = purged.value as Awaited<ReturnType<typeof purge>>
    const holders = await metadata.purgedHolders('*', cid, { after: '', limit: 100 })
    if (holders.length > 0) throw new Error(`${holders} has what is purged`)
    if (await metadata.contentOf(cid)) throw new Error('what is purged has live bytes')
    const doomed = (await metadata.purgedKeys('*', cid, { after: '', limit: 100 })).map(({ key }) => key)
    const missed = doomed.filter((key) => !listed.includes(key))
    if (ended && missed.length > 0) throw new Error(`the purge has ended, and never saw ${missed}`)
  }

/** The same for an upload that the purge does not wait for: its key is doomed, and due at once. */
const isHeldByNobody = (metadata: Metadata, cid: string): ReturnType<typeof gone> => {
  const check = gone(metadata, cid)
  return async (purged, other) => {
    if (purged.status === 'rejected') throw purged.reason
    const { listed } = purged.value as Awaited<ReturnType<typeof purge>>
    await check({ status: 'fulfilled', value: { listed, ended: false } }, other)
    const doomed = await metadata.purgedKeys('*', cid, { after: '', limit: 100 })
    if (doomed.some(({ due }) => !due)) throw new Error('what is purged is not due')
  }
}

export const purgeMeetings: Meeting[] = [
  {
    name: 'an upload of what nobody has is committed while it is purged',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      return { one: (m) => purge(m, '*', cid), other: (m) => m.commit(commit), after: gone(metadata, cid) }
    },
  },
  {
    name: 'an upload without a row of what nobody has is committed while it is purged',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await stored(metadata, alice, cid)
      return { one: (m) => purge(m, '*', cid), other: (m) => m.commit(commit), after: isHeldByNobody(metadata, cid) }
    },
  },
  {
    name: 'an upload replaces the bytes of what is purged',
    async prepare({ clock }, metadata, { alice, bob, cid }) {
      await uploaded(metadata, alice, cid)
      await write(metadata, alice, 'a', [cid])
      clock.advance(2 * hour)
      const commit = await intended(metadata, bob, cid)
      return { one: (m) => purge(m, '*', cid), other: (m) => m.commit(commit), after: gone(metadata, cid) }
    },
  },
  {
    name: 'an upload of one account is committed while that account’s blob is purged',
    async prepare(_bench, metadata, { alice, cid }) {
      const commit = await intended(metadata, alice, cid)
      return {
        one: (m) => purge(m, alice, cid),
        other: (m) => m.commit({ ...commit, takenDown: 'store' }),
        after: gone(metadata, cid),
      }
    },
  },
  {
    name: 'a copy takes the place of bytes that are purged',
    async prepare({ clock }, metadata, { alice, cid }) {
      await uploaded(metadata, alice, cid)
      clock.advance(2 * hour)
      const old = await metadata.contentOf(cid)
      if (!old) throw new Error('no content')
      const copy = { old, key: `${cid}.1-copy`, backend: 'disk', deleteDelay: day }
      await metadata.intendCopy({ key: copy.key, backend: 'disk', cid, lease: hour })
      return { one: (m) => purge(m, '*', cid), other: (m) => m.replaceContent(copy), after: gone(metadata, cid) }
    },
  },
  {
    name: 'a copy is adopted while its CID is purged',
    async prepare(_bench, metadata, { alice, cid }) {
      const content = { cid, key: `${cid}.1-found`, backend: 'disk', size }
      await metadata.intendCopy({ key: content.key, backend: 'disk', cid, lease: hour })
      const found = { content, did: alice, mimeType: 'text/plain', grace: hour, deleteDelay: 0 }
      return { one: (m) => purge(m, '*', cid), other: (m) => m.adopt(found), after: gone(metadata, cid) }
    },
  },
  ...(['reference', 'expect', 'drop', 'collect', 'delete'] as const).map(
    (what): Meeting => ({
      name: `a blob is purged, and there is a transaction of its account: ${what}`,
      async prepare({ clock }, metadata, { alice, bob, cid }) {
        for (const did of [alice, bob]) await uploaded(metadata, did, cid)
        if (what !== 'collect') await write(metadata, alice, 'a', [cid])
        clock.advance(2 * hour)
        const delays = { deleteDelay: day, takedownHold: 0 }
        const steps: Record<typeof what, (m: Metadata) => Promise<unknown>> = {
          reference: (m) => write(m, alice, 'b', [cid]),
          expect: (m) => write(m, alice, 'b', [cid], 'expect'),
          drop: (m) => write(m, alice, 'a', []),
          collect: (m) => m.collectBlobs(alice, [cid], delays),
          async delete(m) {
            const mark = await m.markDeleted(alice)
            while (await m.deleteSome(alice, mark, { limit: 1, ...delays })) {}
          },
        }
        return { one: (m) => purge(m, '*', cid), other: steps[what], after: gone(metadata, cid) }
      },
    }),
  ),
  {
    name: 'two purges of one CID meet',
    async prepare(_bench, metadata, { alice, bob, cid }) {
      for (const did of [alice, bob]) {
        await uploaded(metadata, did, cid)
        await write(metadata, did, 'a', [cid])
      }
      return { one: (m) => purge(m, '*', cid), other: (m) => purge(m, alice, cid), after: gone(metadata, cid) }
    },
  },
  {
    name: 'a purge is reversed while it is under way',
    async prepare(_bench, metadata, { alice, cid }) {
      await uploaded(metadata, alice, cid)
      await write(metadata, alice, 'a', [cid])
      return {
        one: (m) => purge(m, '*', cid),
        other: (m) => m.reverseTakedown('*', cid, {}),
        async after(purged) {
          if (purged.status === 'rejected') throw purged.reason
          const { ended } = purged.value as Awaited<ReturnType<typeof purge>>
          const held = (await metadata.contentOf(cid)) !== null
          if (ended && held) throw new Error('the purge has ended, and the bytes are live')
          const seen = await metadata.resolve(alice, cid, { as: 'public', scope: null })
          if (seen && !held) throw new Error('it is visible without bytes')
        },
      }
    },
  },
]
