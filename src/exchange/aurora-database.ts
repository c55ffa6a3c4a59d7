import { batches, pages } from './actor-database.ts'
import { PassedOver } from './passed-over.ts'
import type { Answer, Asked, AuroraRow, Kind } from './reader/questions.ts'
import { type SqliteReader, UnreadableDatabase } from './reader/sqlite-reader.ts'

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

  /** Those of the names that no row has. */
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
