import type Database from 'better-sqlite3'

/**
 * What the host keeps beside the store's tables: its records, written in the transactions in which their references are;
 * and the spaces whose records it has forgotten, and the store may not have yet.
 * And for the audit: how often each account was deleted, which ends what was promised it; and how often blobs were
 * hidden, by which a reader knows whether it may find nothing; and how often an account's records and blobs changed, which
 * looks the same after a change and its opposite.
 */
export function addHostTables(database: Database.Database): void {
  database.exec(`
    CREATE TABLE record (uri TEXT PRIMARY KEY, did TEXT NOT NULL, space TEXT NOT NULL, cids TEXT NOT NULL, version INTEGER NOT NULL);
    CREATE TABLE dropping (did TEXT NOT NULL, space TEXT NOT NULL, PRIMARY KEY (did, space));
    CREATE TABLE deletions (did TEXT PRIMARY KEY, count INTEGER NOT NULL);
    CREATE TABLE hidings (count INTEGER NOT NULL);
    INSERT INTO hidings VALUES (0);
    CREATE TABLE changes (did TEXT PRIMARY KEY, count INTEGER NOT NULL);
    ${['record', 'blobstore_blob'].flatMap((table) => ['INSERT', 'DELETE'].map((event) => countChanges(table, event))).join('\n')}
    CREATE TRIGGER taken_down AFTER INSERT ON blobstore_takedown BEGIN UPDATE hidings SET count = count + 1; END;
    CREATE TRIGGER deleted AFTER UPDATE OF deleted_at ON blobstore_account WHEN new.deleted_at IS NOT NULL
      BEGIN
        INSERT INTO deletions VALUES (new.did, 1) ON CONFLICT DO UPDATE SET count = count + 1;
        UPDATE hidings SET count = count + 1;
      END;
  `)
}

function countChanges(table: string, event: string): string {
  return `CREATE TRIGGER changes_${table}_${event} AFTER ${event} ON ${table} BEGIN
      INSERT INTO changes VALUES (${event === 'INSERT' ? 'new' : 'old'}.did, 1) ON CONFLICT DO UPDATE SET count = count + 1;
    END;`
}
