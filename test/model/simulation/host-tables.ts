import type Database from 'better-sqlite3'

/**
 * What the host keeps beside the store's tables: its records, written in the transactions in which their references are.
 * And for the audit: at which step a tombstone was dropped, since bytes may be there without a row only when they came
 * later; and a count of what hides blobs, by which a reader knows whether it may find nothing.
 */
export function addHostTables(database: Database.Database, step: () => number): void {
  database.function('current_step', { deterministic: false }, step)
  database.exec(`
    CREATE TABLE record (uri TEXT PRIMARY KEY, did TEXT NOT NULL, cids TEXT NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE dropped (key TEXT PRIMARY KEY, step INTEGER NOT NULL);
    CREATE TABLE hidings (count INTEGER NOT NULL);
    INSERT INTO hidings VALUES (0);
    CREATE TRIGGER tombstone_dropped AFTER DELETE ON blobstore_doomed
      BEGIN INSERT OR REPLACE INTO dropped VALUES (old.key, current_step()); END;
    CREATE TRIGGER taken_down AFTER INSERT ON blobstore_takedown BEGIN UPDATE hidings SET count = count + 1; END;
    CREATE TRIGGER deleted AFTER UPDATE OF deleted_at ON blobstore_account WHEN new.deleted_at IS NOT NULL
      BEGIN UPDATE hidings SET count = count + 1; END;
  `)
}
