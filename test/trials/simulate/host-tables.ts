import type Database from 'better-sqlite3'

/**
 * What the host stores beside the store's tables: its records, written in the same transactions as their references.
 * And for the audit: how often each account was deleted, which ends earlier promises; and how often blobs were hidden,
 * so that a reader knows whether it may find nothing.
 */
export function addHostTables(database: Database.Database): void {
  database.exec(`
    CREATE TABLE record (uri TEXT PRIMARY KEY, did TEXT NOT NULL, cids TEXT NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE deletions (did TEXT PRIMARY KEY, count INTEGER NOT NULL);
    CREATE TABLE hidings (count INTEGER NOT NULL);
    INSERT INTO hidings VALUES (0);
    CREATE TRIGGER taken_down AFTER INSERT ON blobstore_takedown BEGIN UPDATE hidings SET count = count + 1; END;
    CREATE TRIGGER deleted AFTER UPDATE OF deleted_at ON blobstore_account WHEN new.deleted_at IS NOT NULL
      BEGIN
        INSERT INTO deletions VALUES (new.did, 1) ON CONFLICT DO UPDATE SET count = count + 1;
        UPDATE hidings SET count = count + 1;
      END;
  `)
}
