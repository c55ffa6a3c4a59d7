import type { Database } from 'better-sqlite3'
import { openToRead } from './sqlite-file.ts'

export interface AuroraRow {
  name: string
  mimeType: string
  did: string
  createdAt: string
}

/** The table `blob_metadata(cid, mime_type, size, creator_did, created_at)` of Aurora Locus. */
export class AuroraDatabase implements Disposable {
  readonly #database: Database

  private constructor(database: Database) {
    this.#database = database
  }

  static async open(file: string): Promise<AuroraDatabase> {
    return new AuroraDatabase(await openToRead(file))
  }

  count(): number {
    return this.#database.prepare('SELECT count(*) FROM blob_metadata').pluck().get() as number
  }

  page(after: string, limit: number): AuroraRow[] {
    const sql = `SELECT cid AS name, mime_type AS mimeType, creator_did AS did, created_at AS createdAt
      FROM blob_metadata WHERE cid > ? ORDER BY cid LIMIT ?`
    return this.#database.prepare(sql).all(after, limit) as AuroraRow[]
  }

  has(name: string): boolean {
    return this.#database.prepare('SELECT 1 FROM blob_metadata WHERE cid = ?').get(name) !== undefined
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
