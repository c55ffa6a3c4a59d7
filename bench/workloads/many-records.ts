import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { BlobStore } from '../../src/index.ts'
import { cidOfBytes, Database } from '../library.ts'
import { type Observed, observe } from '../measure/observe.ts'
import { openRelaxed } from './relaxed-store.ts'
import type { Workload } from './workload.ts'

/**
 * One blob that very many records of an account reference: how long a call of each kind takes, and blocks the event
 * loop.
 */
export const manyRecords: Workload[] = [
  { name: 'many-records', contenders: ['100000'], when: 'always' as const },
  { name: 'many-records-full', contenders: ['1000000'], when: 'full' as const },
].map((work) => ({
  ...work,
  title: 'One blob that many records reference, all calls one after another: CPU time of a record, event loop at worst',
  rounds: 2,
  async run(records, { folder, scale }) {
    const count = Math.ceil(Number(records) * scale)
    const first = openRelaxed(folder)
    const ref = await first.upload(owner, Buffer.from(named))
    await first.close()
    addRecords(folder, ref.ref.toString(), count)

    const blobs = openRelaxed(folder)
    await blobs.ready()
    const calls: Observed[] = []
    for (const call of callsTo(blobs, ref.ref.toString(), count)) {
      calls.push(await observe(call))
    }
    await blobs.close()
    const elapsed = calls.reduce((sum, call) => sum + call.elapsed, 0)
    return {
      rate: (count / elapsed) * 1000,
      cpu: calls.reduce((sum, call) => sum + call.cpu, 0) / count,
      loopDelay: Math.max(...calls.map((call) => call.worstDelay)),
      memory: Math.max(...calls.map((call) => call.memory)),
    }
  },
}))

const [owner, importer] = ['did:plc:owner', 'did:plc:importer']
const [named, waitedFor] = ['referenced by many', 'many wait for it']
const rev = '3jzfcijpj2z2b'

function callsTo(blobs: BlobStore, cid: string, count: number): (() => Promise<void>)[] {
  const uri = (number: number): string => `at://${owner}/app.bsky.feed.post/${number}`
  return [
    async () => void (await (await blobs.read(owner, cid)).bytes()),
    async () => assert.equal((await blobs.listPublic(owner, { limit: 1 })).items.length, 1),
    async () => assert.equal((await blobs.listPublic(owner, { since: rev })).items.length, 0),
    async () => assert.equal((await blobs.importProgress(owner)).imported, 1),
    async () => assert.equal((await blobs.recordsFor(owner, cid)).length, count),
    async () => void (await blobs.applyWrites(owner, [{ action: 'delete', uri: uri(0) }], { rev })),
    async () => assert.equal((await blobs.listMissing(importer, { limit: 1 })).items.length, 1),
    async () => void (await blobs.upload(importer, Buffer.from(waitedFor))),
    async () => void (await blobs.collect()),
    () => blobs.deleteAccount(owner),
  ]
}

/**
 * Written to the database directly, to save time: records of one account that reference a blob, and as many of another
 * that wait for one.
 */
function addRecords(folder: string, cid: string, count: number): void {
  const database = new Database(join(folder, 'blobs.sqlite'))
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -1000000') // in KiB
  const ref = database.prepare('INSERT INTO blobstore_ref (did, cid, record_uri, rev, scope) VALUES (?, ?, ?, ?, ?)')
  const expected = database.prepare(
    `INSERT INTO blobstore_expected (did, cid, record_uri, rev, scope, mime_type, size) VALUES (?, ?, ?, ?, ?, 'text/plain', ?)`,
  )
  const missing = cidOfBytes(Buffer.from(waitedFor))
  database.transaction(() => {
    for (let number = 0; number < count; number++) {
      const path = `app.bsky.feed.post/${number}`
      ref.run(owner, cid, `at://${owner}/${path}`, '3jzfcijpj2z2a', 'public')
      expected.run(importer, missing, `at://${importer}/${path}`, '3jzfcijpj2z2a', 'public', waitedFor.length)
    }
    database.exec(`UPDATE blobstore_blob SET expires_at = NULL, was_referenced = 1 WHERE did = '${owner}'`)
    database.exec(`UPDATE blobstore_account SET temporary = 0 WHERE did = '${owner}'`)
  })()
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
}
