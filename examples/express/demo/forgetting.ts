import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { count } from './report.ts'
import type { Story } from './story.ts'

export interface Left {
  files: number
  rows: number
}

export async function forgetting(story: Story): Promise<Left> {
  const { alice, bob, report, pds } = story
  report.chapter('Everything is deleted')
  const before = await left(story)

  for (const person of [alice, bob]) {
    const { data } = await person.agent.com.atproto.repo.listRecords({
      repo: person.did,
      collection: 'app.bsky.feed.post',
    })
    for (const { uri } of data.records) await person.agent.deletePost(uri)
    report.step(`${person.name} deletes ${data.records.length} posts`)
  }
  for (const { owner, cid, media } of story.uploads) {
    const response = await fetch(owner.blobUrl(cid))
    assert.equal(response.status, 404, `${media.name} is still served`)
  }
  report.step('none of their blobs is served any more')

  report.note('This store has times: { grace: 0, deleteDelay: 0 }; the defaults are 24 and 48 hours.')
  const collection = await collected(story)
  report.step(`collect deletes ${collection.files} files, ${count(collection.bytes)} bytes`)
  const sweep = await pds.blobs.sweep()
  assert.equal(sweep.keys, 0, `sweep finds ${sweep.keys} files, ${sweep.orphans} of them orphans`)
  report.step('sweep finds no orphans')

  const after = await left(story)
  assert.deepEqual(after, { files: 0, rows: 0 }, `${after.files} files and ${after.rows} rows are left`)
  report.step(`on disk: ${before.files} files before, ${after.files} after`, story.blobs)
  report.step(`in the tables: ${before.rows} rows before, ${after.rows} after`)
  return after
}

/** Collects until there is nothing left to do. */
export async function collected({ pds }: Story): Promise<{ files: number; bytes: number }> {
  const sum = { files: 0, bytes: 0 }
  for (let round = 0; round < 10; round++) {
    const report = await pds.blobs.collect()
    assert.equal(report.failedKeys, 0, `${report.failedKeys} files could not be deleted`)
    sum.files += report.deletedKeys
    sum.bytes += report.deletedBytes
    if (report.deletedKeys + report.expiredBlobs + report.expiredUploads + report.waitingKeys === 0) return sum
  }
  throw new Error('collect does not end')
}

// Checked from outside, without the library: the folders with bytes, and the tables with metadata about blobs.
const folders = ['blobs', 'spool']
const tables = ['upload', 'content', 'blob', 'ref', 'expected', 'doomed', 'takedown', 'orphan']

async function left({ blobs, pds }: Story): Promise<Left> {
  let [files, rows] = [0, 0]
  for (const folder of folders) {
    const entries = await readdir(join(blobs, folder), { recursive: true, withFileTypes: true })
    files += entries.filter((entry) => entry.isFile()).length
  }
  for (const table of tables) {
    const query = sql<{ n: number }>`select count(*) as n from ${sql.table(`blobstore_${table}`)}`
    rows += (await query.execute(pds.db)).rows[0]?.n ?? 0
  }
  return { files, rows }
}
