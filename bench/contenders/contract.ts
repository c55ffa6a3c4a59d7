import type { Readable } from 'node:stream'

/** A blob on its way in: everybody gets it as a body comes from HTTP, a Node stream of chunks of 64 KiB at most. */
export interface Sending {
  did: string
  size: number
  body: Readable
}

/** What a contender calls a blob that it has. */
export type Name = string

/** Something that takes blobs in and gives them back. */
export interface Contender {
  /** Takes in one blob: all that it does before it would tell a client that the blob is kept. */
  upload(sending: Sending): Promise<Name>
  /** All the bytes of a blob. */
  read(did: string, name: Name): Promise<Uint8Array>
  /** The bytes of a blob, one after another. */
  stream(did: string, name: Name): Promise<AsyncIterable<Uint8Array>>
  /** Bytes of a blob, both ends inclusive; absent where it has no such thing. */
  range?(did: string, name: Name, start: number, end: number): Promise<Uint8Array>
  /** Forgets a blob as the deletion of the record that names it does; absent where it has no records. */
  forget?(did: string, name: Name): Promise<void>
  /** How many blobs its metadata know to be referenced by a record; absent where it has no metadata. */
  referenced?(did: string): Promise<number>
  close(): Promise<void>
}

/** The key of the record that names a blob: one for each, as long as those that apps make. */
export function recordKeyOf(name: Name): string {
  return name.slice(-13)
}

/** Opens it over an empty folder. */
export type Open = (folder: string) => Promise<Contender>
