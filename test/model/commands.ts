import fc, { type Arbitrary } from 'fast-check'
import type { BlobPage, BlobStore, BlobStoreErrorCode, BlobViewer } from '../../src/index.ts'
import { alice, bob, nextRev } from '../support/samples.ts'
import { Command, type Question } from './command.ts'
import { contents } from './contents.ts'
import { type Form, inChunks, sourceOf } from './sources.ts'
import { resolve, someWrites, writeAs } from './writes.ts'

// Random calls of hosts to a store. Each command is readable, because a failing sequence is all that one sees.

const minute = 60_000

const someAccount = fc.constantFrom(alice, bob)
const somebody = fc.constantFrom(alice, bob, '*')
const someContent = fc.constantFrom(...contents)
const someScopes = fc.constantFrom<string[]>([], ['circle'])

const nameOf = (did: string): string => did.replace('did:plc:', '')

function command<T extends object>(
  values: Arbitrary<T>,
  text: (values: T) => string,
  ask: (values: T) => Question,
): Arbitrary<Command> {
  return values.map((value) => {
    const did = 'did' in value && typeof value.did === 'string' && value.did !== '*' ? value.did : undefined
    return new Command(text(value), did, ask(value))
  })
}

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
  }),
  ({ did, writes, missing, ending }) =>
    `write(${nameOf(did)}, ${writes.map(String).join(', ')}, missing: ${missing}${ending === 'alone' ? '' : `, ${ending}`})`,
  ({ did, writes, missing, ending }) =>
    ({ blobs, place: { db } }, model) => {
      const [rev, resolved] = [nextRev(), resolve(model, did, writes, missing)]
      const apply = (trx?: object) => writeAs(blobs, did, resolved, { rev, missing, trx })
      if (ending === 'alone' || !db)
        return { real: () => apply(), modelled: () => model.write(did, resolved, missing, rev) }
      if (ending === 'committed') {
        return { real: () => db.transaction().execute(apply), modelled: () => model.write(did, resolved, missing, rev) }
      }
      return {
        real: async () => {
          const trx = await db.startTransaction().execute()
          await apply(trx).finally(() => trx.rollback().execute())
        },
        modelled: () => model.check(did, resolved, missing),
      }
    },
)

const read = command(
  fc.record({
    did: someAccount,
    content: someContent,
    as: fc.constantFrom<BlobViewer>('public', 'public', 'account', 'moderator'),
    scopes: someScopes,
    range: fc.constantFrom(undefined, undefined, { start: 2, end: 9 }),
  }),
  ({ did, content, as, scopes, range }) =>
    `read(${nameOf(did)}, ${content.name}, as ${as}${range ? ', bytes 2 to 9' : ''}${scopes.map((one) => `, ${one}`)})`,
  ({ did, content, as, scopes, range }) =>
    ({ blobs }, model) => ({
      real: async () => {
        const reading = await blobs.read(did, content.cid, { as, scopes, range, verify: true })
        const { cid, mimeType, size, createdAt, referenced, takenDown } = reading
        const bytes = Buffer.from(await reading.bytes())
        return { cid, mimeType, size, createdAt, referenced, takenDown, range: reading.range, bytes }
      },
      modelled: () => model.read(did, content, { as, scopes, range }),
    }),
)

/** Everything that an account's host may query. */
const look = command(
  fc.record({ did: someAccount, scopes: someScopes, limit: fc.integer({ min: 1, max: 3 }), since: fc.nat(20) }),
  ({ did, scopes, limit, since }) =>
    `look(${nameOf(did)}${scopes.map((one) => `, ${one}`)}, ${limit} a page${since > 10 ? '' : `, since ${since} writes ago`})`,
  ({ did, scopes, limit, since: ago }) =>
    ({ blobs }, model) => {
      const since = ago > 10 ? undefined : model.revOf(did, ago)
      return {
        real: async () => ({
          list: await all((cursor) => blobs.listPublic(did, { scopes, since, limit, cursor })),
          own: await all((cursor) => blobs.listAll(did, { limit, cursor })),
          missing: await all((cursor) => blobs.listMissing(did, { limit, cursor })),
          counts: await blobs.importProgress(did),
          records: await Promise.all(contents.map(async ({ cid }) => (await blobs.recordsFor(did, cid)).sort())),
          stats: await Promise.all(contents.map(({ cid }) => blobs.stat(did, cid, { scopes }))),
          usage: await usageOf(blobs, did),
        }),
        modelled: () => ({
          list: model.list(did, { scopes, since }),
          own: model.listOwn(did),
          missing: model.listMissing(did),
          counts: model.counts(did),
          records: contents.map(({ cid }) => model.recordsFor(did, cid)),
          stats: contents.map(({ cid }) => model.stat(did, cid, 'public', scopes)),
          usage: model.usage(did),
        }),
      }
    },
)

async function all<T>(pageAt: (cursor: string | undefined) => Promise<BlobPage<T>>): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await pageAt(cursor)
    items.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return items
}

/** What is pending depends on the time of the query; other tests check it. */
async function usageOf(blobs: BlobStore, did: string): Promise<object> {
  const { pending: _, ...usage } = await blobs.usage(did)
  return usage
}

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
  [2, takedown],
  [1, purge],
  [1, account],
  [4, wait],
  [4, collect],
  [1, sweep],
  [1, reopen],
]

export const someCommand: Arbitrary<Command>[] = weights.flatMap(([weight, one]) => Array<typeof one>(weight).fill(one))
