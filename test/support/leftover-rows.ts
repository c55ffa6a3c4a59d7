import type { Database } from 'better-sqlite3'

/** Sentences about what must not be in the database once everything was collected, with the queries that find it. */
type Questions = Readonly<Record<string, string>>

const questions: Questions = {
  'uploads that are never over': 'SELECT * FROM blobstore_upload',
  'tombstones that stay': 'SELECT * FROM blobstore_doomed',
  'notes of dead sweeps': 'SELECT * FROM blobstore_orphan',
  'temporary blobs that stay': `SELECT did, cid FROM blobstore_blob AS blob WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`,
  'content that no account has': `SELECT cid FROM blobstore_content AS content WHERE NOT EXISTS (
    SELECT 1 FROM blobstore_blob AS blob WHERE blob.cid = content.cid)`,
  'accounts whose deletion is never over': 'SELECT did FROM blobstore_account WHERE deleting <> 0',
  'accounts whose counters are wrong': `SELECT * FROM blobstore_account AS account
    WHERE reserved <> 0 OR pending <> 0 OR uploads <> 0
    OR bytes <> (SELECT coalesce(sum(size), 0) FROM blobstore_blob AS blob WHERE blob.did = account.did)
    OR count <> (SELECT count(*) FROM blobstore_blob AS blob WHERE blob.did = account.did)
    OR temporary <> (SELECT count(expires_at) FROM blobstore_blob AS blob WHERE blob.did = account.did)`,
  'resumable uploads that are never over': 'SELECT * FROM blobstore_resumable',
  'parts of resumable uploads that stay': 'SELECT * FROM blobstore_part',
}

const ofSqlite: Questions = {
  'damage that SQLite finds': `SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
  'foreign keys that name nothing': 'SELECT * FROM pragma_foreign_key_check',
}

export function leftoverQuestions(dialect: 'sqlite' | 'postgres'): Questions {
  return dialect === 'sqlite' ? { ...questions, ...ofSqlite } : questions
}

/** For each kind that is left, how many rows and one of them. The answers are in the order of the questions. */
export function leftoverSentences(questions: Questions, answers: readonly (readonly unknown[])[]): string[] {
  return Object.keys(questions).flatMap((what, at) => {
    const rows = answers[at] ?? []
    return rows.length > 0 ? [`${what}: ${rows.length}, such as ${JSON.stringify(rows[0])}`] : []
  })
}

export function leftoverRows(database: Database): string[] {
  const questions = leftoverQuestions('sqlite')
  const answers = Object.values(questions).map((sql) => database.prepare(sql).all())
  return leftoverSentences(questions, answers)
}
