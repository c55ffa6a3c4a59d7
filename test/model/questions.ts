import fc from 'fast-check'
import type { BlobPage, BlobStore, BlobViewer } from '../../src/index.ts'
import { alice, bob } from '../support/samples.ts'
import { command, nameOf } from './command.ts'
import { contents } from './contents.ts'
import { spaces } from './model.ts'
import { spaceName } from './writes.ts'

// What hosts ask of a store, at random.

export const someAccount = fc.constantFrom(alice, bob)
export const someContent = fc.constantFrom(...contents)
const someSpace = fc.constantFrom(undefined, undefined, ...spaces)

export const read = command(
  fc.record({
    did: someAccount,
    content: someContent,
    as: fc.constantFrom<BlobViewer>('public', 'public', 'account', 'moderator'),
    space: someSpace,
    range: fc.constantFrom(undefined, undefined, { start: 2, end: 9 }),
  }),
  ({ did, content, as, space, range }) =>
    `read(${nameOf(did)}, ${content.name}, as ${as}${range ? ', bytes 2 to 9' : ''}${space ? `, in ${spaceName(space)}` : ''})`,
  ({ did, content, as, space, range }) =>
    ({ blobs }, model) => ({
      real: async () => {
        const reading = await blobs.read(did, content.cid, { as, space, range, verify: true })
        const { cid, mimeType, size, createdAt, referenced, takenDown } = reading
        const bytes = Buffer.from(await reading.bytes())
        return { cid, mimeType, size, createdAt, referenced, takenDown, range: reading.range, bytes }
      },
      modelled: () => model.read(did, content, { as, space, range }),
    }),
)

/** Everything that an account's host may ask. */
export const look = command(
  fc.record({
    did: someAccount,
    space: someSpace,
    limit: fc.integer({ min: 1, max: 3 }),
    since: fc.nat(20),
    of: fc.constantFrom('each', 'public'),
  }),
  ({ did, space, limit, since, of }) =>
    `look(${nameOf(did)}${space ? `, ${spaceName(space)}` : ''}, ${limit} a page${since > 10 ? '' : `, since ${since} writes ago, by the revisions of ${of}`})`,
  ({ did, space, limit, since: ago, of }) =>
    ({ blobs }, model) => {
      const sinceIn = (scope: string) => (ago > 10 ? undefined : model.revOf(did, of === 'each' ? scope : of, ago))
      return {
        real: async () => ({
          list: await all((cursor) => blobs.listPublic(did, { since: sinceIn('public'), limit, cursor })),
          inSpaces: await Promise.all(
            spaces.map((one) => all((cursor) => blobs.listSpace(did, one, { since: sinceIn(one), limit, cursor }))),
          ),
          own: await all((cursor) => blobs.listAll(did, { limit, cursor })),
          missing: await all((cursor) => blobs.listMissing(did, { limit, cursor })),
          missingOfOne: await all((cursor) => blobs.listMissing(did, { space: space ?? null, limit, cursor })),
          counts: await blobs.importProgress(did),
          countsOfOne: await blobs.importProgress(did, { space: space ?? null }),
          records: await Promise.all(contents.map(async ({ cid }) => (await blobs.recordsFor(did, cid)).sort())),
          stats: await Promise.all(contents.map(({ cid }) => blobs.stat(did, cid, { space }))),
          usage: await usageOf(blobs, did),
        }),
        modelled: () => ({
          list: model.list(did, { scope: 'public', since: sinceIn('public') }),
          inSpaces: spaces.map((scope) => model.list(did, { scope, since: sinceIn(scope) })),
          own: model.listOwn(did),
          missing: model.listMissing(did),
          missingOfOne: model.listMissing(did, space ?? 'public'),
          counts: model.counts(did),
          countsOfOne: model.counts(did, space ?? 'public'),
          records: contents.map(({ cid }) => model.recordsFor(did, cid)),
          stats: contents.map(({ cid }) => model.stat(did, cid, 'public', space)),
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

/** What is pending depends on when it is looked at, and is the business of other tests. */
async function usageOf(blobs: BlobStore, did: string): Promise<object> {
  const { pending: _, ...usage } = await blobs.usage(did)
  return usage
}
