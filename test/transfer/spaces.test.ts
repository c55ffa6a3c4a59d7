import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exportPds } from '../../src/export.ts'
import { DiskTree, dropPins, type ImportPdsOptions, importPds } from '../../src/import.ts'
import type { BlobStore } from '../../src/index.ts'
import { pdsBlobStore } from '../../src/pds.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, day, uriOf } from '../support/samples.ts'
import { ReferencePds, type Uploaded } from './reference-pds.ts'

// Fails when a permanent blob is lost because no row of `record_blob` references it, or is public although only a space
// references it.

const group = 'did:plc:group'
const space = `at://${group}/space/com.example.forum/self`

class PdsWithSpaces extends ReferencePds {
  /** A permanent blob of alice that these tables reference, if any. */
  permanent(text: string, ...names: [table: string, uri: string][]): Uploaded {
    const blob = this.upload(alice, bytes(text))
    this.post(alice, blob.cid, blob)
    this.database(alice).prepare('DELETE FROM record_blob WHERE blobCid = ?').run(blob.cid)
    for (const [table, uri] of names) this.name(table, uri, blob)
    return blob
  }

  name(table: string, uri: string, { cid }: Uploaded, columns = 'blobCid, recordUri'): void {
    const database = this.database(alice)
    database.exec(`CREATE TABLE IF NOT EXISTS ${table} (${columns}, PRIMARY KEY (${columns}))`)
    database.prepare(`INSERT INTO ${table} VALUES (?, ?)`).run(cid, uri)
  }
}

function importFrom(pds: ReferencePds, blobs: BlobStore, options: Partial<ImportPdsOptions> = {}) {
  return importPds(blobs, { tree: new DiskTree({ location: pds.location }), actors: pds.actors, ...options })
}

async function collected(place: FolderPlace, blobs: BlobStore): Promise<void> {
  for (let round = 0; round < 3; round++) {
    place.clock.advance(30 * day)
    await blobs.collect()
  }
}

const modes = [{ references: 'pds' }, { references: 'store' }] as const

describe.each(modes)('an import, references kept by the $references,', (mode) => {
  test('keeps what only a space references, and shows it to nobody by that', async () => {
    const pds = new PdsWithSpaces()
    const record = `${space}/${alice}/com.example.post/3k1`
    const ofSpace = pds.permanent('members only', ['space_record_blob', record])
    const own = pds.permanent('own space', [
      'space_record_blob',
      `at://${alice}/space/com.example.notes/self/${alice}/x/1`,
    ])
    const odd = pds.permanent('another table', ['"my ""RECORD_BLOBs"', 'no uri at all'])
    const both = pds.permanent('both', ['space_record_blob', record], ['record_blob', uriOf(alice, 'both')])
    pds.name('attachments', record, pds.permanent('named by columns'), 'blob_cid, record_uri')
    const place = new FolderPlace()
    const blobs = place.store()
    for (const _ of ['first', 'again']) {
      expect((await importFrom(pds, blobs, mode)).findings).toEqual([])
      await collected(place, blobs)
    }
    expect((await blobs.usage(alice)).count).toBe(5)
    expect((await blobs.listPublic(alice)).items).toEqual([both.cid])
    for (const { cid } of [ofSpace, own, odd]) {
      expect(await blobs.stat(alice, cid)).toBe(null)
      expect(await blobs.stat(alice, cid, { as: 'account' })).toMatchObject({ referenced: true })
    }
    if (mode.references === 'store') {
      expect(await blobs.stat(alice, ofSpace.cid, { space })).not.toBe(null)
      expect(await blobs.stat(alice, odd.cid, { space })).toBe(null)
      await dropPins(blobs, alice)
      await collected(place, blobs)
      expect((await blobs.usage(alice)).count, 'what records of spaces name, and both').toBe(3)
    }
  })

  test('keeps what nothing references, and reports it; hidden if there may be spaces', async () => {
    for (const hasSpaces of [false, true]) {
      const pds = new PdsWithSpaces()
      const { cid } = pds.permanent('of nothing')
      if (hasSpaces) pds.permanent('members only', ['space_record_blob', `${space}/${alice}/com.example.post/3k1`])
      const place = new FolderPlace()
      const blobs = place.store()
      for (const _ of ['first', 'again']) {
        const { findings } = await importFrom(pds, blobs, { ...mode, prune: mode.references === 'store' })
        expect(findings).toMatchObject([{ problem: 'unnamed', did: alice, cid }])
        await collected(place, blobs)
      }
      expect((await blobs.stat(alice, cid)) !== null).toBe(!hasSpaces)
      expect(await blobs.stat(alice, cid, { as: 'account' })).toMatchObject({ referenced: true })
    }
  })

  test('takes for a space what it cannot read, and reports it', async () => {
    const pds = new PdsWithSpaces()
    const { cid } = pds.permanent('of nothing')
    pds
      .database(alice)
      .exec('CREATE VIEW space_record_blob AS SELECT * FROM record_blob; CREATE TABLE my_record_blob (x)')
    const blobs = new FolderPlace().store()
    const { findings } = await importFrom(pds, blobs, mode)
    expect(findings.map(({ problem, place }) => `${problem} ${place}`).sort()).toEqual([
      'unnamed table blob',
      'unreadable table my_record_blob',
      'unreadable table space_record_blob',
    ])
    expect(await blobs.stat(alice, cid)).toBe(null)
    expect(await blobs.stat(alice, cid, { as: 'account' })).not.toBe(null)
  })

  test('hides again what an earlier import showed, and shows what is public by now', async () => {
    const pds = new PdsWithSpaces()
    const blob = pds.permanent('for now of nothing')
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs, mode)
    expect(await blobs.stat(alice, blob.cid)).not.toBe(null)
    pds.name('space_record_blob', `${space}/${alice}/com.example.post/3k1`, blob)
    await importFrom(pds, blobs, mode)
    expect(await blobs.stat(alice, blob.cid)).toBe(null)
    pds.name('record_blob', uriOf(alice, 'public'), blob)
    await importFrom(pds, blobs, mode)
    expect(await blobs.stat(alice, blob.cid)).not.toBe(null)
  })

  test('keeps a blob that has a temporary key and a record', async () => {
    const pds = new PdsWithSpaces()
    const [one, other] = [pds.upload(alice, bytes('uploaded first')), pds.upload(alice, bytes('for a space'))]
    pds.name('record_blob', uriOf(alice, 'imported'), one)
    pds.name('space_record_blob', `${space}/${alice}/com.example.post/3k1`, other)
    const place = new FolderPlace()
    const blobs = place.store()
    expect(await importFrom(pds, blobs, mode)).toMatchObject({ imported: 2, findings: [] })
    await collected(place, blobs)
    expect(await (await blobs.read(alice, one.cid)).bytes()).toEqual(Buffer.from('uploaded first'))
    expect(await blobs.stat(alice, other.cid)).toBe(null)
    expect(await blobs.stat(alice, other.cid, { as: 'account' })).toMatchObject({ referenced: true })
  })

  test('reports what a space references and nobody has', async () => {
    const pds = new PdsWithSpaces()
    const gone = pds.permanent('gone', ['space_record_blob', `${space}/${alice}/com.example.post/3k1`])
    pds.database(alice).prepare('DELETE FROM blob').run()
    rmSync(join(pds.location, alice, gone.cid))
    const blobs = new FolderPlace().store()
    expect((await importFrom(pds, blobs, mode)).findings).toMatchObject([{ problem: 'missing', cid: gone.cid }])
    await blobs.upload(alice, bytes('gone'), { mimeType: 'text/plain' })
    expect(await blobs.stat(alice, gone.cid)).toBe(null)
  })
})

describe('a store that is attached to a PDS with spaces', () => {
  class BlobNotFoundError extends Error {}

  test('is kept by an attached store, and shown to nobody, taken down and restored or not', async () => {
    const pds = new PdsWithSpaces()
    const { cid } = pds.permanent('members only', ['space_record_blob', `${space}/${alice}/com.example.post/3k1`])
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs)
    const referenced = async (_did: string, cids: readonly string[]) =>
      new Map(cids.map((one) => [one, 'unlisted'] as const))
    const ofAlice = pdsBlobStore(blobs, { BlobNotFoundError, referenced: referenced as never })(alice)
    for (const change of [async () => {}, () => ofAlice.quarantine(cid), () => ofAlice.unquarantine(cid)]) {
      await change()
      expect(await ofAlice.hasStored(cid)).toBe(false)
      await expect(ofAlice.getBytes(cid)).rejects.toBeInstanceOf(BlobNotFoundError)
      expect(await blobs.stat(alice, cid)).toBe(null)
      expect(await blobs.stat(alice, cid, { as: 'account' })).toMatchObject({ referenced: true })
    }
  })

  test('is exported as it was imported, including what is taken down', async () => {
    const pds = new PdsWithSpaces()
    const record = `${space}/${alice}/com.example.post/3k1`
    pds.permanent('members only', ['space_record_blob', record])
    const hidden = pds.permanent('hidden', ['space_record_blob', record])
    pds.takedown(alice, hidden.cid)
    const blobs = new FolderPlace().store()
    expect((await importFrom(pds, blobs)).findings).toEqual([])
    for (const actors of [pds.actors, undefined]) {
      const location = temporaryFolder()
      expect(await exportPds(blobs, { location, actors })).toMatchObject({ written: 2, findings: [] })
      expect(pds.tree(location)).toEqual(pds.tree())
    }
  })
})
