import type { Database } from 'better-sqlite3'
import type { AuroraRow, Page } from './questions.ts'
import { pageOf, Schema, strangersIn, type Table, textOf } from './tables.ts'

const name = 'blob_metadata'

/** The table `blob_metadata(cid, mime_type, size, creator_did, created_at)` of Aurora Locus. */
export class AuroraAnswers {
  readonly #database: Database
  readonly #table: Table

  /** @throws if it has no such table */
  constructor(database: Database) {
    this.#database = database
    this.#table = new Schema(database).table(name, ['cid', 'mime_type', 'creator_did', 'created_at'])
  }

  countAurora(): number {
    return this.#database.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number
  }

  aurora({ after }: { after: string | null }): Page<AuroraRow> {
    const select = `${textOf('t.cid', 256)} AS name, ${textOf('t.mime_type', 1024)} AS mimeType,
      ${textOf('t.creator_did', 2048)} AS did, ${textOf('t.created_at', 64)} AS createdAt`
    return pageOf<AuroraRow>(this.#database, this.#table, { select }, after)
  }

  auroraStrangers({ names }: { names: string[] }): string[] {
    return strangersIn(this.#database, name, 'cid', names)
  }
}
