import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { MetadataAdapter } from '../../../src/index.ts'
import type { Place } from './place.ts'

// Two halves of one broken rule: the database ensures that nothing referenced is deleted, whatever the collector
// believes.

/** Creates the tables again, without their foreign keys. They must be empty. */
export function dropForeignKeys(file: string): void {
  const database = new Database(file)
  database.pragma('foreign_keys = OFF')
  const parts = database
    .prepare(`SELECT type, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index'`)
    .all() as { type: string; tbl_name: string; sql: string }[]
  const tables = parts.filter(({ type, sql }) => type === 'table' && / references /i.test(sql))
  for (const { tbl_name } of tables) database.exec(`DROP TABLE ${tbl_name}`)
  for (const { tbl_name, sql } of parts) {
    if (tables.some((table) => table.tbl_name === tbl_name)) database.exec(withoutReferences(sql))
  }
  database.close()
}

const withoutReferences = (sql: string): string =>
  sql.replace(
    /(,\s*constraint "\w+" foreign key \([^)]*\))?\s+references\s+"\w+" \([^)]*\)(\s+on delete restrict)?/gi,
    '',
  )

/** Deletes what was unreferenced when it checked, a while ago. */
export function staleCollector(place: Place, metadata: MetadataAdapter): MetadataAdapter {
  return {
    async open() {
      const opened = await metadata.open()
      const database = new Database(place.databaseFile, { timeout: 1000 })
      database.pragma('foreign_keys = ON')
      return {
        ...opened,
        async collectBlobs(did, cids, { deleteDelay }) {
          const stale = cids.filter((cid) => database.prepare(unreferenced).get({ did, cid }) !== undefined)
          await sleep(5)
          try {
            database.transaction(() => {
              for (const cid of stale) {
                database.prepare(`DELETE FROM blobstore_blob WHERE did = $did AND cid = $cid`).run({ did, cid })
                database.prepare(doomUnowned).run({ cid, notBefore: Date.now() + deleteDelay })
                database.prepare(`DELETE FROM blobstore_content WHERE cid = $cid AND ${isUnowned}`).run({ cid })
              }
            })()
          } catch {
            return 0 // a foreign key has prevented it: with the original tables nothing is lost
          }
          await opened.recount(did)
          return stale.length
        },
      }
    },
  }
}

const unreferenced = `SELECT 1 FROM blobstore_blob AS blob WHERE did = $did AND cid = $cid AND NOT EXISTS (
  SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`

const isUnowned = `NOT EXISTS (SELECT 1 FROM blobstore_blob AS blob WHERE blob.cid = $cid)`

const doomUnowned = `INSERT INTO blobstore_doomed (key, backend, did, size, not_before, attempts, last_error)
  SELECT key, backend, NULL, size, $notBefore, 0, NULL FROM blobstore_content WHERE cid = $cid AND ${isUnowned}`
