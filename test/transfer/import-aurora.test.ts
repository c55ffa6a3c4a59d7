import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { dropPins, importAurora } from '../../src/import.ts'
import { cidOfBytes, createBlobRef } from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, post } from '../support/samples.ts'

// Fails when a name does not lead to the CID of its bytes, or when what is imported is collected before the records
// that reference it are rewritten.

const nameOf = (text: string): string => `bafyrei${createHash('sha256').update(text).digest('hex')}`

/** Data in the layout of Aurora Locus: every file in the folder `ba`. */
function aurora() {
  const folder = temporaryFolder()
  const blobs = join(folder, 'blobs')
  mkdirSync(join(blobs, 'ba'), { recursive: true })
  const file = join(folder, 'account.sqlite')
  const database = new Database(file)
  onTestFinished(() => void database.close())
  database.pragma('journal_mode = WAL')
  database.exec(`CREATE TABLE blob_metadata (cid TEXT PRIMARY KEY, mime_type TEXT NOT NULL, size INTEGER NOT NULL,
    creator_did TEXT NOT NULL, created_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP)`)
  const insert = database.prepare('INSERT INTO blob_metadata VALUES (?, ?, ?, ?, ?)')
  return {
    source: { folder: blobs, database: file },
    fileOf: (name: string) => join(blobs, 'ba', name),
    add(did: string, text: string, mimeType: string): string {
      const name = nameOf(text)
      writeFileSync(join(blobs, 'ba', name), text)
      insert.run(name, mimeType, text.length, did, '2025-10-22T10:11:12.123456789+00:00')
      return name
    },
  }
}

test('the import of Aurora Locus finds true CIDs, and keeps the blobs until their records reference them', async () => {
  const { source, add } = aurora()
  const [cat, dog] = [add(alice, 'cat', 'image/jpeg'), add(bob, 'dog', 'video/mp4')]
  const place = new FolderPlace()
  const blobs = place.store()
  const report = await importAurora(blobs, source)
  expect(report).toMatchObject({ blobs: 2, imported: 2, findings: [] })
  const names = [
    { did: alice, name: cat, cid: cidOfBytes(bytes('cat')) },
    { did: bob, name: dog, cid: cidOfBytes(bytes('dog')) },
  ]
  expect(report.names.sort((a, b) => (a.did < b.did ? -1 : 1))).toEqual(names)
  const again = await importAurora(blobs, source)
  expect(again).toMatchObject({ imported: 0, present: 2 })
  expect(again.names).toHaveLength(2)

  place.clock.advance(30 * day)
  await blobs.collect()
  const stat = await blobs.stat(alice, cidOfBytes(bytes('cat')))
  expect(stat).toMatchObject({ mimeType: 'image/jpeg', createdAt: new Date('2025-10-22T10:11:12.123Z') })
  await post(blobs, alice, 'rewritten', stat && createBlobRef(stat))
  expect([await dropPins(blobs, alice), await dropPins(blobs, bob), await dropPins(blobs, bob)]).toEqual([1, 1, 0])
  place.clock.advance(30 * day)
  await blobs.collect()
  expect(await (await blobs.read(alice, cidOfBytes(bytes('cat')))).bytes()).toEqual(Buffer.from('cat'))
  expect(await blobs.stat(bob, cidOfBytes(bytes('dog')), { as: 'moderator' })).toBe(null)
})

test('the import of Aurora Locus reports what is damaged, missing, of unknown owner or invalid', async () => {
  const { source, add, fileOf } = aurora()
  const [damaged, missing] = [add(alice, 'damaged', 'image/png'), add(alice, 'missing', 'image/png')]
  writeFileSync(fileOf(damaged), 'Damaged')
  rmSync(fileOf(missing))
  add('nobody', 'of nobody', 'image/png')
  writeFileSync(fileOf(nameOf('stray')), 'stray')
  add(bob, 'good', 'image/png')
  const report = await importAurora(new FolderPlace().store(), source)
  expect(report.findings.map(({ problem }) => problem).sort()).toEqual(['damaged', 'missing', 'unknown', 'unreadable'])
  expect(report.names).toHaveLength(1)
  expect(report.findings).toContainEqual({ problem: 'unknown', place: fileOf(nameOf('stray')) })
})
