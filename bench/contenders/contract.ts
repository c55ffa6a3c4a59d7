import type { Readable } from 'node:stream'

/** A blob to upload: every contender gets it as a body comes from HTTP, a Node stream of chunks of at most 64 KiB. */
export interface Sending {
  did: string
  size: number
  body: Readable
}

/** A contender's name for a blob that it has. */
export type Name = string

/** Something that stores blobs and returns them. */
export interface Contender {
  /** Stores one blob: everything that it does before it would acknowledge the blob to a client. */
  upload(sending: Sending): Promise<Name>
  /** All bytes of a blob. */
  read(did: string, name: Name): Promise<Uint8Array>
  /** The bytes of a blob, as a stream. */
  stream(did: string, name: Name): Promise<AsyncIterable<Uint8Array>>
  /** Bytes of a blob, both ends inclusive; absent if it has no ranges. */
  range?(did: string, name: Name, start: number, end: number): Promise<Uint8Array>
  /** Forgets a blob as the deletion of the record that references it does; absent if it has no records. */
  forget?(did: string, name: Name): Promise<void>
  /** How many blobs are referenced by a record, according to its metadata; absent if it has none. */
  referenced?(did: string): Promise<number>
  close(): Promise<void>
}

/** The key of the record that references a blob: one for each, as long as the keys that apps create. */
export function recordKeyOf(name: Name): string {
  return name.slice(-13)
}

/** Opens it over an empty folder. */
export type Open = (folder: string) => Promise<Contender>
