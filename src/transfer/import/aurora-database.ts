import { type BlobCid, cidOfDigest, isBlobCid } from '../../blob/cid.ts'
import { PassedOver } from '../../maintenance/transfer-job.ts'
import type { Answer, Asked, AuroraRow, Kind } from '../reader/questions.ts'
import { type SqliteReader, UnreadableDatabase } from '../reader/sqlite-reader.ts'
import { batches, pages } from './actor-database.ts'

/** The database of Aurora Locus. Its methods throw `PassedOver` where it cannot be read. */
export class AuroraDatabase {
  readonly #reader: SqliteReader
  readonly #file: string

  constructor(reader: SqliteReader, file: string) {
    this.#reader = reader
    this.#file = file
  }

  count(): Promise<number> {
    return this.#ask('countAurora', {})
  }

  rows(): AsyncGenerator<AuroraRow[]> {
    return pages((after) => this.#ask('aurora', { after }))
  }

  async has(name: string): Promise<boolean> {
    return (await this.#ask('auroraStrangers', { names: [name] })).length === 0
  }

  /** The names that no row has. */
  async *strangers(names: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const some of batches(names)) yield* await this.#ask('auroraStrangers', { names: some })
  }

  async #ask<K extends Kind>(kind: K, asked: Asked<K>): Promise<Answer<K>> {
    try {
      return await this.#reader.ask(this.#file, kind, asked)
    } catch (error) {
      if (error instanceof UnreadableDatabase) throw new PassedOver('unreadable', this.#file, error)
      throw error
    }
  }
}

/**
 * The CID for Aurora Locus's name of a blob: `bafyrei` and the sha-256 of its bytes in hex, which is not a CID but has
 * the digest of one. A true CID is returned as it is, null for anything else.
 */
export function cidOfAuroraName(name: string): BlobCid | null {
  if (isBlobCid(name)) return name
  const hex = /^bafyrei([0-9a-f]{64})$/.exec(name)?.[1]
  return hex === undefined ? null : cidOfDigest(Buffer.from(hex, 'hex'))
}
