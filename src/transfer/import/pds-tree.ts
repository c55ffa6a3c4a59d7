import type { CallOptions } from '../../backend/backend.ts'

/** Where the reference PDS keeps the bytes of an account: temporary ones under keys, the others under their CIDs. */
export type TreeArea = 'stored' | 'temporary' | 'quarantined'

/** Bytes of the reference PDS, on disk or in a bucket. Nothing here can change them. */
export interface PdsTree {
  /** For reports: the place of the bytes. */
  describe(area: TreeArea, did: string, name: string): string
  /** Opens bytes, or resolves with null if there are none. */
  open(area: TreeArea, did: string, name: string, options?: CallOptions): Promise<TreeObject | null>
  /** The DIDs that have anything in an area. */
  accounts(area: TreeArea, options?: CallOptions): AsyncIterable<string>
  /** The names of what an account has in an area. */
  names(area: TreeArea, did: string, options?: CallOptions): AsyncIterable<string>
  /** Releases what was opened. */
  close(): Promise<void>
}

export interface TreeObject {
  /** In bytes, as found now. */
  readonly size: number
  readonly body: AsyncIterable<Uint8Array>
  /** Must be called in any case, read or not: until then it holds a file or a socket. */
  close(): Promise<void>
}

/** Names come from databases and listings: one with a slash would lead outside its folder. */
export function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,255}$/.test(name) && !/^\.+$/.test(name)
}
