import type { Content } from './contents.ts'

// What an account has, as the model knows it.

export interface Named {
  content: Content
  mimeType: string
  /** Undefined in the legacy form. */
  size: number | undefined
  accept?: readonly string[] | undefined
  maxSize?: number | undefined
}

/** What a commit makes of a record: what it names, or null when it is deleted. */
export interface ModelWrite {
  uri: string
  scope: string
  names: readonly Named[] | null
}

export interface Blob {
  mimeType: string
  size: number
  createdAt: number
  /** Counts only while nothing references it. */
  expiresAt: number
}

export interface Post {
  rev: string
  scope: string
  names: (Named & { met: boolean; claimed: Claimed })[]
}

/** What an imported record says of a blob, where that is not how it is held. */
export interface Claimed {
  mimeType?: string
  size?: number
}

export interface Account {
  blobs: Map<string, Blob>
  posts: Map<string, Post>
  deleted: boolean
}

/** What a record names after the last write to it is all that counts. */
export const last = (writes: readonly ModelWrite[]) => [...new Map(writes.map((write) => [write.uri, write])).values()]

export const allNames = (account: Account) => [...account.posts.values()].flatMap(({ names }) => names)

export const bytesOf = (blobs: readonly Blob[]): number => blobs.reduce((sum, { size }) => sum + size, 0)

export const octetStream = 'application/octet-stream'

/** What says nothing of the bytes is left out. */
export const firstType = (names: readonly Named[]): string | undefined =>
  names.map(({ mimeType }) => mimeType).find((mimeType) => mimeType !== octetStream)

/** The names by which records wait for the blob, the first revision first. */
export function expected(account: Account, cid: string): Named[] {
  const posts = [...account.posts].sort(([a, one], [b, other]) => (`${one.rev} ${a}` < `${other.rev} ${b}` ? -1 : 1))
  return posts.flatMap(([, { names }]) => names.filter(({ met, content }) => !met && content.cid === cid))
}

/** Whatever the record says of the bytes, its CID proves them. */
export function meet(named: Named & { met: boolean; claimed: Claimed }, blob: Blob): void {
  named.met = true
  const { mimeType, size } = named
  named.claimed = {
    ...(mimeType !== blob.mimeType && { mimeType }),
    ...(size !== undefined && size !== blob.size && { size }),
  }
}

/** What imported records say of blobs that no record names yet is their type. */
export function nameTypes(account: Account, writes: readonly ModelWrite[], referenced: ReadonlySet<string>): void {
  const names = writes.flatMap((write) => write.names ?? [])
  for (const [cid, blob] of account.blobs) {
    if (!referenced.has(cid))
      blob.mimeType = firstType(names.filter(({ content }) => content.cid === cid)) ?? blob.mimeType
  }
}

export const claimedBy = (post: Post | undefined, { content }: Named): Claimed =>
  post?.names.find((one) => one.met && one.content.cid === content.cid)?.claimed ?? {}

export function fits({ mimeType, size }: Named, blob: { mimeType: string; size: number }): boolean {
  return mimeType === blob.mimeType && (size ?? blob.size) === blob.size
}

/** The CIDs that records reference: those of any scope, or of one. */
export function referenced(account: Account, only?: string, since = ''): Set<string> {
  const visible = [...account.posts.values()].filter(
    ({ scope, rev }) => rev > since && (only === undefined || scope === only),
  )
  return new Set(visible.flatMap(({ names }) => names.filter(({ met }) => met).map(({ content }) => content.cid)))
}
