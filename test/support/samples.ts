import type { BlobStore, RecordWrite } from '../../src/index.ts'

export const alice = 'did:plc:alice'
export const bob = 'did:plc:bob'

export const hour = 3_600_000
export const day = 24 * hour

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let result = ''
  for await (const chunk of body) result += decoder.decode(chunk, { stream: true })
  return result + decoder.decode()
}

/** `count` chunks of `size` bytes, each time different ones. */
export async function* chunks(count: number, size: number, seed = 1): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield new Uint8Array(size).fill(index * 31 + seed)
}

let revisions = 0
/** A new revision, later than all before. */
export function nextRev(): string {
  const digits = '234567abcdefghijklmnopqrstuvwxyz'
  revisions += 1
  let [text, rest] = ['', revisions]
  for (let place = 0; place < 12; place++) {
    text = digits[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return `3${text}`
}

/** The URI of a record; `text` becomes its key. */
export const uriOf = (did: string, text: string): string =>
  `at://${did}/app.bsky.feed.post/${text.replaceAll(/[^\w.~:-]/g, '-')}`

/** A space of another account, and a second one. */
export const friends = 'at://did:plc:group/space/com.example.circle/friends'
export const work = 'at://did:plc:group/space/com.example.circle/work'

export const uriIn = (space: string, did: string, rkey: string): string => `${space}/${did}/app.bsky.feed.post/${rkey}`

/** Writes a record of the account that references these blobs. */
export async function post(blobs: BlobStore, did: string, rkey: string, ...refs: unknown[]): Promise<void> {
  await commit(blobs, did, { action: 'update', uri: uriOf(did, rkey), record: { text: rkey, refs } })
}

/** The same in a space. */
export async function postIn(
  space: string,
  blobs: BlobStore,
  did: string,
  rkey: string,
  ...refs: unknown[]
): Promise<void> {
  await commit(blobs, did, { action: 'update', uri: uriIn(space, did, rkey), record: { text: rkey, refs } })
}

export async function unpost(blobs: BlobStore, did: string, rkey: string): Promise<void> {
  await commit(blobs, did, { action: 'delete', uri: uriOf(did, rkey) })
}

export async function commit(blobs: BlobStore, did: string, ...writes: RecordWrite[]): Promise<void> {
  await blobs.applyWrites(did, writes, { rev: nextRev() })
}
