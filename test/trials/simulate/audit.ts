import type Database from 'better-sqlite3'
import type { BlobBackend } from '../../../src/index.ts'
import { isOfEntry } from '../../support/entries.ts'
import { bytesOf } from './contents.ts'
import type { Promises } from './promises.ts'
import { rowsOf } from './rows.ts'

/** The bytes, without the store. */
export interface Stored extends Pick<BlobBackend, 'get' | 'list' | 'sweepSpools'> {
  /** Whether the bytes arrived after their key had been deleted: then only a sweep finds them. */
  cameTooLate(key: string): boolean
}

export class Violation extends Error {
  override readonly name = 'Violation'
}

// Rows that must never exist.
const wrongAlways: Record<string, string> = {
  'a key that is in two tables': `SELECT key FROM (SELECT key FROM blobstore_upload UNION ALL
    SELECT key FROM blobstore_content UNION ALL SELECT key FROM blobstore_doomed) GROUP BY key HAVING count(*) > 1`,
  'a blob without content': `SELECT did, cid FROM blobstore_blob WHERE cid NOT IN (SELECT cid FROM blobstore_content)`,
  'content that no account has': `SELECT cid FROM blobstore_content WHERE cid NOT IN (SELECT cid FROM blobstore_blob)`,
  'a reference without its blob': `SELECT did, cid, record_uri FROM blobstore_ref AS ref WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_blob AS blob WHERE blob.did = ref.did AND blob.cid = ref.cid)`,
  'an expected reference to a blob that is held': `SELECT did, cid, record_uri FROM blobstore_expected AS expected
    WHERE EXISTS (SELECT 1 FROM blobstore_blob AS blob WHERE blob.did = expected.did AND blob.cid = expected.cid
      AND blob.mime_type = expected.mime_type AND blob.size = expected.size)`,
  'a temporary blob that never expires': `SELECT did, cid FROM blobstore_blob AS blob WHERE expires_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)
    AND did NOT IN (SELECT did FROM blobstore_account WHERE deleting = 1)`,
  'a temporary blob that a record references': `SELECT did, cid FROM blobstore_blob AS blob WHERE expires_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`,
  'an account whose counters are wrong': `SELECT * FROM blobstore_account AS account
    WHERE (bytes, count, temporary) <> (SELECT coalesce(sum(size), 0), count(*), count(expires_at) FROM blobstore_blob AS b WHERE b.did = account.did)
    OR (reserved, uploads) <> (SELECT coalesce(sum(reserved), 0), count(*) FROM blobstore_upload AS u WHERE u.did = account.did)
    OR pending <> (SELECT coalesce(sum(size), 0) FROM blobstore_doomed AS d WHERE d.did = account.did)`,
  'a record of which the store knows something else': `WITH
    known AS (SELECT did, record_uri AS uri, scope AS space, group_concat(cid, ' ' ORDER BY cid) AS cids FROM (
      SELECT did, record_uri, scope, cid FROM blobstore_ref UNION
      SELECT did, record_uri, scope, cid FROM blobstore_expected
    ) GROUP BY did, record_uri, scope),
    host AS (SELECT did, uri, space, cids FROM record)
    SELECT * FROM (SELECT 'store', * FROM (SELECT * FROM known EXCEPT SELECT * FROM host)
      UNION ALL SELECT 'host', * FROM (SELECT * FROM host EXCEPT SELECT * FROM known))
    WHERE did NOT IN (SELECT did FROM blobstore_account WHERE deleted_at IS NOT NULL)
      AND (did, space) NOT IN (SELECT did, space FROM dropping)`,
}

// Rows that must not exist once nothing runs any more and the grace periods are over.
const wrongWhenQuiet: Record<string, string> = {
  'a running upload': `SELECT * FROM blobstore_upload`,
  'a tombstone': `SELECT * FROM blobstore_doomed`,
  'a note of a sweep': `SELECT * FROM blobstore_orphan`,
  'a deletion that is not finished': `SELECT did FROM blobstore_account WHERE deleting = 1`,
  'a temporary blob': `SELECT did, cid FROM blobstore_blob AS blob WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`,
}

/** Checks what holds at any moment: I1, I3, I4 of the protocol, and the consistency of the rows. */
export async function auditNow(database: Database.Database, bytes: Stored, promises: Promises): Promise<void> {
  expectNone(database, wrongAlways)
  for (const { cid = '', key = '' } of rowsOf(database, 'SELECT cid, key FROM blobstore_content')) {
    if (!(await isStored(bytes, key, cid))) throw new Violation(`the bytes of ${cid} are not under ${key}`)
  }
  const named = new Set(rowsOf(database, namedKeys).map(({ key }) => key))
  for (const key of (await bytes.list()).keys) {
    if (!named.has(key) && !isOfEntry(key) && !bytes.cameTooLate(key)) throw new Violation(`no row names ${key}`)
  }
  if (promises.broken) throw new Violation(`an acknowledged upload is gone: ${JSON.stringify(promises.broken)}`)
}

/** Checks that nothing is left (I2). */
export async function auditQuiet(database: Database.Database, bytes: Stored): Promise<void> {
  expectNone(database, wrongWhenQuiet)
  const live = rowsOf(database, 'SELECT key FROM blobstore_content ORDER BY key').map(({ key }) => key)
  const stored = (await bytes.list()).keys.sort()
  if (stored.join() !== live.join()) throw new Violation(`bytes are left: ${stored} instead of ${live}`)
  if ((await bytes.sweepSpools(-1)) > 0) throw new Violation('spools are left')
}

const namedKeys = `SELECT key FROM blobstore_upload UNION ALL SELECT key FROM blobstore_content
  UNION ALL SELECT key FROM blobstore_doomed`

function expectNone(database: Database.Database, wrong: Record<string, string>): void {
  for (const [what, sql] of Object.entries(wrong)) {
    const found = rowsOf(database, sql)
    if (found.length > 0) throw new Violation(`there is ${what}: ${JSON.stringify(found.slice(0, 3))}`)
  }
}

async function isStored(bytes: Stored, key: string, cid: string): Promise<boolean> {
  const object = await bytes.get(key)
  if (!object) return false
  const chunks: Uint8Array[] = []
  for await (const chunk of object.body) chunks.push(chunk)
  return Buffer.concat(chunks).equals(bytesOf(cid))
}
