import fc, { type Arbitrary } from 'fast-check'
import type { BlobStoreErrorCode } from '../../src/index.ts'
import { alice, bob, nextRev } from '../support/samples.ts'
import { type Command, command, nameOf } from './command.ts'
import { spaces } from './model.ts'
import { look, read, someAccount, someContent } from './questions.ts'
import { type Form, inChunks, sourceOf } from './sources.ts'
import { resolve, someWrites, spaceName, writeAs } from './writes.ts'

// Random calls of hosts to a store. Each command is readable, because a failing sequence is all that one sees.

const minute = 60_000

const somebody = fc.constantFrom(alice, bob, '*')

const upload = command(
  fc.record({
    did: someAccount,
    content: someContent,
    type: fc.constantFrom(undefined, undefined, 'text/plain', 'text/markdown', 'image/png'),
    form: fc.constantFrom<Form>('whole', 'whole', 'in chunks', 'as a Blob'),
  }),
  ({ did, content, type, form }) => `upload(${nameOf(did)}, ${content.name}${type ? ` as ${type}` : ''}, ${form})`,
  ({ did, content, type, form }) =>
    ({ blobs }, model) => ({
      real: async () => {
        const { ref, mimeType, size } = await blobs.upload(did, sourceOf(content, form), { mimeType: type })
        return { cid: ref.toString(), mimeType, size }
      },
      modelled: () => {
        const mimeType = model.upload(did, content, type ?? null)
        return { cid: content.cid, mimeType, size: content.bytes.byteLength }
      },
    }),
)

const broken = fc.constantFrom<{ what: string; code: BlobStoreErrorCode; options?: object }>(
  { what: 'a body that breaks off', code: 'UploadInterrupted' },
  { what: 'a body of the wrong size', code: 'InvalidSize', options: { size: 7 } },
  { what: 'a body whose type is a number', code: 'InvalidArgument', options: { mimeType: 7 } },
)

const brokenUpload = command(
  fc.record({ did: someAccount, how: broken }),
  ({ did, how }) => `upload(${nameOf(did)}, ${how.what})`,
  ({ did, how }) =>
    ({ blobs }, model) => ({
      real: () => blobs.upload(did, inChunks(new Uint8Array(12), new Error('gone')), how.options),
      modelled: () => model.brokenUpload(did, how.code),
    }),
)

const write = command(
  fc.record({
    did: someAccount,
    writes: someWrites,
    missing: fc.constantFrom<'reject' | 'expect'>('reject', 'reject', 'expect'),
    ending: fc.constantFrom<'alone' | 'committed' | 'rolled back'>('alone', 'alone', 'committed', 'rolled back'),
    ahead: fc.subarray([...spaces]),
  }),
  ({ did, writes, missing, ending, ahead }) =>
    `write(${nameOf(did)}, ${writes.map(String).join(', ')}, missing: ${missing}${ending === 'alone' ? '' : `, ${ending}`}${ahead.length > 0 ? `, a later revision in ${ahead.map(spaceName).join(', ')}` : ''})`,
  ({ did, writes, missing, ending, ahead }) =>
    ({ blobs, place: { db } }, model) => {
      const [rev, resolved] = [nextRev(), resolve(model, did, writes, missing)]
      const spaceRevs = Object.fromEntries(ahead.map((space) => [space, nextRev()]))
      const apply = (trx?: object) => writeAs(blobs, did, resolved, { rev, spaceRevs, missing, trx })
      const modelled = () => model.write(did, resolved, missing, { public: rev, ...spaceRevs })
      if (ending === 'alone' || !db) return { real: () => apply(), modelled }
      if (ending === 'committed') return { real: () => db.transaction().execute(apply), modelled }
      return {
        real: async () => {
          const trx = await db.startTransaction().execute()
          await apply(trx).finally(() => trx.rollback().execute())
        },
        modelled: () => model.check(did, resolved, missing),
      }
    },
)

const dropSpace = command(
  fc.record({ did: someAccount, space: fc.constantFrom(...spaces) }),
  ({ did, space }) => `dropSpace(${nameOf(did)}, ${spaceName(space)})`,
  ({ did, space }) =>
    ({ blobs }, model) => ({
      real: async () => (await blobs.dropSpace(did, space)).references,
      modelled: () => model.dropSpace(did, space),
    }),
)

const takedown = command(
  fc.record({
    did: somebody,
    content: someContent,
    name: fc.constantFrom<'takedown' | 'reverseTakedown'>('takedown', 'reverseTakedown'),
  }),
  ({ did, content, name }) => `${name}(${nameOf(did)}, ${content.name})`,
  ({ did, content, name }) =>
    ({ blobs }, model) => ({
      real: () => blobs[name](did, content.cid),
      modelled: () => model[name](did, content.cid),
    }),
)

// What it resolves with is for the operator: it may depend on what others have.
const purge = command(
  fc.record({ did: somebody, content: someContent }),
  ({ did, content }) => `purge(${nameOf(did)}, ${content.name})`,
  ({ did, content }) =>
    ({ blobs }, model) => ({
      real: async () => {
        const { remaining, uploads, goneAt, sharedWithOthers } = await blobs.purge(did, content.cid)
        return { remaining, uploads, isOver: goneAt !== null || (did !== '*' && sharedWithOthers) }
      },
      modelled: () => {
        model.purge(did, content.cid)
        return { remaining: [], uploads: 0, isOver: true }
      },
    }),
)

const account = command(
  fc.record({
    did: someAccount,
    name: fc.constantFrom<'deleteAccount' | 'reopenAccount'>('deleteAccount', 'reopenAccount'),
  }),
  ({ did, name }) => `${name}(${nameOf(did)})`,
  ({ did, name }) =>
    ({ blobs }, model) => ({ real: () => blobs[name](did), modelled: () => model[name](did) }),
)

// No sum of these is a day: at the exact moment that a grace period ends, either may be right.
const wait = command(
  fc.record({ minutes: fc.constantFrom(61, 5 * 60, 11 * 60, 29 * 60) }),
  ({ minutes }) => `wait(${minutes} minutes)`,
  ({ minutes }) =>
    ({ place }) => ({ real: async () => place.clock.advance(minutes * minute), modelled: () => undefined }),
)

const collect = command(
  fc.constant({}),
  () => 'collect()',
  () =>
    ({ blobs }, model) => ({
      real: async () => {
        const { expiredBlobs, expiredUploads, failedKeys, stopped } = await blobs.collect()
        return { expiredBlobs, expiredUploads, failedKeys, stopped }
      },
      modelled: () => ({ expiredBlobs: model.collect(), expiredUploads: 0, failedKeys: 0, stopped: false }),
    }),
)

const sweep = command(
  fc.constant({}),
  () => 'sweep()',
  () =>
    ({ blobs }) => ({
      real: async () => {
        const { orphans, stopped, spools } = await blobs.sweep()
        return { orphans, stopped, spools }
      },
      modelled: () => ({ orphans: 0, stopped: false, spools: 0 }),
    }),
)

const reopen = command(
  fc.constant({}),
  () => 'reopen()',
  () => (subject) => ({ real: () => subject.reopen(), modelled: () => undefined }),
)

const weights: [number, Arbitrary<Command>][] = [
  [10, upload],
  [1, brokenUpload],
  [12, write],
  [5, read],
  [7, look],
  [2, dropSpace],
  [2, takedown],
  [1, purge],
  [1, account],
  [4, wait],
  [4, collect],
  [1, sweep],
  [1, reopen],
]

export const someCommand: Arbitrary<Command>[] = weights.flatMap(([weight, one]) => Array<typeof one>(weight).fill(one))
