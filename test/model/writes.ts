import fc, { type Arbitrary } from 'fast-check'
import type { ApplyWritesOptions, BlobStore, HostTransaction, RecordWrite } from '../../src/index.ts'
import { uriIn, uriOf } from '../support/samples.ts'
import type { ModelWrite, Named } from './account.ts'
import { type Content, contents } from './contents.ts'
import { type Hidden, type Model, spaces } from './model.ts'

/** What a record references, before it is known how the account holds it. */
interface Naming {
  content: Content
  type: 'as held' | 'text/markdown'
  size: 'right' | 'wrong' | 'none'
  demands: 'nothing' | 'image/png' | '6 bytes'
}

/** A write to one of an account's records. */
export interface Write {
  rkey: string
  scope: string
  names: Naming[] | null
}

/** How a failing sequence calls a space. */
export const spaceName = (space: string): string => space.slice(space.lastIndexOf('/') + 1)

/** Mostly `usual`: a commit with one mistake in every reference would never pass. */
const mostly = <T>(usual: T, ...others: T[]): Arbitrary<T> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant(usual) },
    ...others.map((other) => ({ weight: 1, arbitrary: fc.constant(other) })),
  )

const someNaming: Arbitrary<Naming> = fc.record({
  content: fc.constantFrom(...contents),
  type: mostly<Naming['type']>('as held', 'text/markdown'),
  size: mostly<Naming['size']>('right', 'wrong', 'none'),
  demands: mostly<Naming['demands']>('nothing', 'image/png', '6 bytes'),
})

const textOf = ({ rkey, scope, names }: Write): string =>
  names
    ? `${rkey} = [${names.map(nameText).join(', ')}]${scope === 'public' ? '' : ` in ${spaceName(scope)}`}`
    : `no ${rkey}`

function nameText({ content, type, size, demands }: Naming): string {
  const remarks = [
    type === 'as held' ? '' : `as ${type}`,
    size === 'right' ? '' : `with ${size} size`,
    demands === 'nothing' ? '' : `demands ${demands}`,
  ].filter(Boolean)
  return remarks.length === 0 ? content.name : `${content.name} (${remarks.join(', ')})`
}

export const someWrites: Arbitrary<Write[]> = fc.array(
  fc
    .record({
      rkey: fc.constantFrom('one', 'two', 'three'),
      scope: fc.constantFrom('public', 'public', ...spaces),
      names: fc.option(
        fc.uniqueArray(someNaming, { minLength: 1, maxLength: 3, selector: ({ content }) => content.name }),
        { freq: 4 },
      ),
    })
    .map((write) => ({ ...write, toString: () => textOf(write) })),
  { minLength: 1, maxLength: 2 },
)

/** The writes as the account's host would make them now. Constraints are only given for blobs that are held. */
export function resolve(
  model: Model,
  did: string,
  writes: readonly Write[],
  missing: 'reject' | 'expect',
): ModelWrite[] {
  const named = ({ content, type, size, demands }: Naming): Named => ({
    content,
    mimeType: type === 'as held' ? model.typeOf(did, content) : type,
    size: { right: content.bytes.byteLength, wrong: content.bytes.byteLength + 1, none: undefined }[size],
    accept: missing === 'reject' && demands === 'image/png' ? [demands] : undefined,
    maxSize: missing === 'reject' && demands === '6 bytes' ? 6 : undefined,
  })
  return writes.map(({ rkey, scope, names }) => ({
    uri: scope === 'public' ? uriOf(did, rkey) : uriIn(scope, did, rkey),
    scope,
    names: names?.map(named) ?? null,
  }))
}

/** Resolves with what lost its last reference in a scope. */
export async function writeAs(
  blobs: BlobStore,
  did: string,
  writes: readonly ModelWrite[],
  { trx, ...options }: Omit<ApplyWritesOptions, 'trx'> & { trx?: object | undefined },
): Promise<Hidden> {
  const given = writes.map(({ uri, names }): RecordWrite => {
    if (names === null) return { action: 'delete', uri }
    const demanding = names.some(({ accept, maxSize }) => accept ?? maxSize)
    const refs = names.map((named) => ({ ...named, ref: referenceOf(named) }))
    if (demanding)
      return { action: 'update', uri, blobs: refs.map(({ ref, accept, maxSize }) => ({ ref, accept, maxSize })) }
    return { action: 'update', uri, record: { text: 'hello', embeds: refs.map(({ ref }) => ({ ref })) } }
  })
  const { hidden, hiddenInSpaces } = await blobs.applyWrites(did, given, {
    ...options,
    trx: trx as HostTransaction | undefined,
  })
  const nameOf = ({ space, cid }: { space: string; cid: string }) => `${space} ${cid}`
  return { hidden: hidden.sort(), hiddenInSpaces: hiddenInSpaces.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) }
}

function referenceOf({ content: { cid }, mimeType, size }: Named): object {
  if (size === undefined) return { cid, mimeType }
  return { $type: 'blob', ref: { $link: cid }, mimeType, size }
}
