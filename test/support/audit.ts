import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect } from 'vitest'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import type { Clock } from './clock.ts'
import { closeEntries, isOfEntry } from './entries.ts'
import { day } from './samples.ts'

interface Promises {
  /** Blobs whose upload was acknowledged and whose grace period is not over. */
  held: ReadonlyMap<string, { did: string; cid: string }>
  /** References that were acknowledged and not removed. */
  posts: ReadonlyMap<string, { did: string; cid: string }>
  /** Where `blobs/` and `pds.sqlite` are. */
  folder: string
  clock: Clock
}

/**
 * Checks the protocol's invariants: what was acknowledged is there, and once nothing runs any more there is nothing
 * else.
 */
export async function auditStore(blobs: BlobStore, { held, posts, folder, clock }: Promises): Promise<void> {
  expectNamed(folder)
  for (const { did, cid } of held.values()) await expectBytes(blobs, did, cid, 'account')
  for (const { did, cid } of posts.values()) await expectBytes(blobs, did, cid, 'public')

  // Spools are old by the file system's clock, which no test can move.
  const spools = join(folder, 'blobs', 'spool')
  for (const name of readdirSync(spools)) utimesSync(join(spools, name), 0, 0)
  const entries = new Database(join(folder, 'pds.sqlite'))
  closeEntries(entries)
  entries.close()
  for (let round = 0; round < 3; round++) {
    clock.advance(2 * day)
    await blobs.collect()
    expectNamed(folder)
    expect(await blobs.sweep()).toMatchObject({ stopped: false })
  }
  for (const { did, cid } of posts.values()) await expectBytes(blobs, did, cid, 'public')

  const database = new Database(join(folder, 'pds.sqlite'), { readonly: true })
  try {
    const all = (sql: string) => database.prepare(sql).all() as Record<string, string>[]
    expect(all('SELECT * FROM blobstore_upload')).toEqual([])
    expect(all('SELECT * FROM blobstore_doomed')).toEqual([])
    expect(all('SELECT * FROM blobstore_orphan')).toEqual([])
    expect(all(unreferenced), 'temporary blobs').toEqual([])
    expect(all(unowned), 'content that no account has').toEqual([])
    expect(all(miscounted), 'accounts whose counters are wrong').toEqual([])
    for (const { did = '', cid = '' } of all('SELECT did, cid FROM blobstore_ref'))
      await expectBytes(blobs, did, cid, 'public')
    const keys = all('SELECT key FROM blobstore_content').map(({ key }) => key)
    expect(storedNames(folder).sort(), 'files').toEqual(keys.sort())
    expect(readdirSync(spools), 'spools').toEqual([])
  } finally {
    database.close()
  }
}

/**
 * Row before bytes, and a tombstone until they are gone: only late requests, and small uploads of processes that died, need
 * the sweep.
 */
function expectNamed(folder: string): void {
  const database = new Database(join(folder, 'pds.sqlite'), { readonly: true })
  const rows = database.prepare(named).all() as { key: string }[]
  database.close()
  const keys = new Set(rows.map(({ key }) => key))
  expect(
    storedNames(folder).filter((name) => !keys.has(name) && !isOfEntry(name)),
    'files that no row names',
  ).toEqual([])
}

const named = `SELECT key FROM blobstore_upload UNION ALL SELECT key FROM blobstore_content
  UNION ALL SELECT key FROM blobstore_doomed`

const unreferenced = `SELECT did, cid FROM blobstore_blob AS blob WHERE NOT EXISTS (
  SELECT 1 FROM blobstore_ref AS ref WHERE ref.did = blob.did AND ref.cid = blob.cid)`

const unowned = `SELECT cid FROM blobstore_content AS content WHERE NOT EXISTS (
  SELECT 1 FROM blobstore_blob AS blob WHERE blob.cid = content.cid)`

const miscounted = `SELECT * FROM blobstore_account AS account WHERE reserved <> 0 OR pending <> 0
  OR bytes <> (SELECT coalesce(sum(size), 0) FROM blobstore_blob AS blob WHERE blob.did = account.did)
  OR count <> (SELECT count(*) FROM blobstore_blob AS blob WHERE blob.did = account.did)
  OR temporary <> (SELECT count(expires_at) FROM blobstore_blob AS blob WHERE blob.did = account.did)`

function storedNames(folder: string): string[] {
  const entries = readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
}

async function expectBytes(blobs: BlobStore, did: string, cid: string, as: 'public' | 'account'): Promise<void> {
  const reading = await blobs.read(did, cid, { as })
  expect(cidOfBytes(await reading.bytes()), `bytes of ${did}`).toBe(cid)
}
