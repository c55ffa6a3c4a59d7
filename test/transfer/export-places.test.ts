import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ExportReport, exportFiles, exportPds } from '../../src/export.ts'
import { DiskTree, importPds } from '../../src/import.ts'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, post } from '../support/samples.ts'
import { ReferencePds } from './reference-pds.ts'

// Fails when an export writes where another program keeps its files, or does not report what it could not write.

const layouts = {
  files: (blobs: BlobStore, to: string, actors?: string): Promise<ExportReport> =>
    exportFiles(blobs, { folder: to, actors }),
  pds: (blobs: BlobStore, to: string, actors?: string): Promise<ExportReport> =>
    exportPds(blobs, { location: to, actors }),
}
const each = Object.entries(layouts)

async function filled() {
  const place = new FolderPlace()
  const blobs = place.store()
  await post(blobs, alice, 'one', await blobs.upload(alice, bytes('one')))
  return { place, blobs }
}

test.each(each)(
  'an export of %s refuses a folder that is a store’s, is inside one, or contains one',
  async (_name, to) => {
    const { place, blobs } = await filled()
    const link = join(temporaryFolder(), 'link')
    symlinkSync(place.root, link)
    for (const folder of ['', 'blobs', 'export', 'blobs/deep/er'].map((name) => join(place.root, name))) {
      await expect(to(blobs, folder)).rejects.toThrow('in the folder of a blob store')
    }
    await expect(to(blobs, join(link, 'export'))).rejects.toThrow('in the folder of a blob store')
    await expect(to(blobs, place.folder)).rejects.toThrow('contains the folder of a blob store')
    expect(readdirSync(place.root).sort()).toEqual(['blobs', 'layout-1', 'marker', 'spool'])
  },
)

test.each(each)('an export of %s refuses a folder that has another program’s files', async (name, to) => {
  const { blobs } = await filled()
  const { cid } = { cid: cidOfBytes(bytes('x')) }
  const files = { files: ['manifest.jsonl', cid], pds: [alice, 'tempt', 'quarantine'] }
  const others = ['ba', 'account.sqlite', ...(name === 'files' ? files.pds : files.files)]
  for (const other of others) {
    const folder = temporaryFolder()
    mkdirSync(join(folder, other))
    await expect(to(blobs, folder), other).rejects.toThrow('give an empty folder, or one of its own')
    expect(readdirSync(folder)).toEqual([other])
  }
  const pds = new ReferencePds()
  for (const folder of [pds.folder, pds.actors, join(pds.actors, 'export')]) {
    await expect(to(blobs, folder, pds.actors)).rejects.toThrow('the databases of the PDS')
  }
  const again = temporaryFolder()
  for (const _ of ['first', 'again']) expect(await to(blobs, again)).toMatchObject({ findings: [] })
})

test.each(each)('an export of %s reports what the PDS has a row of and the store does not have', async (name, to) => {
  const pds = new ReferencePds()
  const [kept, lost, hidden] = ['kept', 'lost', 'hidden'].map((text) => pds.upload(alice, bytes(text)))
  if (!kept || !lost || !hidden) throw new Error('There are three')
  pds.post(alice, 'all', kept, lost, hidden)
  pds.takedown(alice, hidden.cid)
  const temporary = pds.upload(alice, bytes('temporary'))
  const ofBob = pds.upload(bob, bytes('of an account that the store does not know'))
  pds.post(bob, 'one', ofBob)
  pds.database(bob).prepare(`INSERT INTO blob (cid, mimeType, size, createdAt) VALUES ('odd', 'a/b', 1, '')`).run()
  rmSync(join(pds.location, alice, lost.cid))
  rmSync(join(pds.location, bob), { recursive: true })
  const place = new FolderPlace()
  const blobs = place.store()
  await importPds(blobs, { tree: new DiskTree({ location: pds.location }), actors: pds.actors })
  place.clock.advance(2 * day)
  await blobs.collect()
  await post(blobs, 'did:plc:elsewhere', 'one', await blobs.upload('did:plc:elsewhere', bytes('not of the PDS')))
  const report = await to(blobs, temporaryFolder(), pds.actors)
  expect(report.findings.map(({ problem, did, cid }) => `${problem} ${did} ${cid}`).sort()).toEqual(
    [
      `missing ${alice} ${lost.cid}`,
      `missing ${alice} ${temporary.cid}`,
      `missing ${bob} ${ofBob.cid}`,
      `unreadable ${bob} odd`,
    ].sort(),
  )
  expect(report).toMatchObject(name === 'pds' ? { written: 2, skipped: 1 } : { written: 3, skipped: 0 })
})

test('an export of pds reports a file in the place of an account’s folder, and continues', async () => {
  const blobs = new FolderPlace().store()
  const refs = []
  for (let n = 0; n < 30; n++) refs.push(await blobs.upload(alice, bytes(`blob ${n}`)))
  await post(blobs, alice, 'many', ...refs)
  await post(blobs, bob, 'one', await blobs.upload(bob, bytes('bob’s')))
  const location = temporaryFolder()
  writeFileSync(join(location, alice), '')
  const report = await exportPds(blobs, { location })
  expect(report.findings.map(({ problem, did }) => `${problem} ${did}`)).toEqual(Array(30).fill(`failed ${alice}`))
  expect(report.written).toBe(1)
})

test.each(each)('an export of %s reports each folder in the place of a file, and continues', async (name, to) => {
  const place = new FolderPlace()
  const blobs = place.store()
  const refs = []
  for (let n = 0; n < 30; n++) refs.push(await blobs.upload(alice, bytes(`blob ${n}`)))
  await post(blobs, alice, 'many', ...refs)
  await post(blobs, bob, 'one', await blobs.upload(bob, bytes('bob’s')))
  const folder = temporaryFolder()
  const files = name === 'pds' ? join(folder, alice) : folder
  for (const { ref } of refs) mkdirSync(join(files, ref.toString()), { recursive: true })
  const report = await to(blobs, folder)
  expect(report.findings.map(({ problem, did }) => `${problem} ${did}`)).toEqual(Array(30).fill(`failed ${alice}`))
  expect(report.written).toBe(1)
})
