import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exportFiles, exportPds } from '../../src/export.ts'
import { DiskTree, type ImportPdsOptions, type ImportReport, importPds } from '../../src/import.ts'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { pdsBlobStore } from '../../src/pds.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bob, bytes, day, uriOf } from '../support/samples.ts'
import { ReferencePds } from './reference-pds.ts'

// Fails when bytes are imported that do not match their CID, when something in the source changes or is silently
// skipped, or when a blob does not get its status in the PDS.

function importFrom(
  pds: ReferencePds,
  blobs: BlobStore,
  options: Partial<ImportPdsOptions> = {},
): Promise<ImportReport> {
  return importPds(blobs, { tree: new DiskTree({ location: pds.location }), actors: pds.actors, ...options })
}

/** A PDS with a blob of each kind. */
function filled() {
  const pds = new ReferencePds()
  const [image, shared, other] = [
    pds.upload(alice, png, 'image/png'),
    pds.upload(alice, bytes('shared')),
    pds.upload(bob, bytes('shared')),
  ]
  pds.post(alice, 'image', image, shared)
  pds.post(bob, 'other', other)
  const hidden = pds.upload(alice, bytes('hidden'))
  pds.post(alice, 'hidden', hidden)
  pds.takedown(alice, hidden.cid)
  const temporary = pds.upload(alice, bytes('temporary'))
  return { pds, image, shared, hidden, temporary }
}

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')

describe('the import of a reference PDS', () => {
  test('imports each blob with its status (permanent, temporary or taken down), type and date', async () => {
    const { pds, image, shared, hidden, temporary } = filled()
    const place = new FolderPlace()
    const blobs = place.store()
    const report = await importFrom(pds, blobs)
    expect(report).toMatchObject({
      blobs: 5,
      examined: 5,
      imported: 5,
      present: 0,
      gone: 0,
      leftovers: 0,
      findings: [],
    })
    expect(await blobs.stat(alice, image.cid)).toMatchObject({
      mimeType: 'image/png',
      size: 16,
      createdAt: new Date('2025-03-04T05:06:07Z'),
    })
    expect(await (await blobs.read(bob, shared.cid)).bytes()).toEqual(Buffer.from('shared'))
    expect(await blobs.stat(alice, temporary.cid)).toBe(null)
    expect(await blobs.stat(alice, temporary.cid, { as: 'account' })).toMatchObject({ referenced: false })
    expect(await blobs.stat(alice, hidden.cid)).toBe(null)
    expect(await blobs.stat(alice, hidden.cid, { as: 'moderator' })).toMatchObject({ referenced: true })
    place.clock.advance(30 * day)
    await blobs.collect()
    expect(await blobs.stat(alice, temporary.cid, { as: 'account' })).toBe(null)
    for (const { cid } of [image, shared, hidden])
      expect(await blobs.stat(alice, cid, { as: 'moderator' })).not.toBe(null)
  })

  test('ends in a state with which a PDS with this store attached continues', async () => {
    const { pds, image, hidden, temporary } = filled()
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs)
    class BlobNotFoundError extends Error {}
    const standing = (cid: string) => (pds.tempKey(alice, cid) === null ? 'permanent' : 'temporary')
    const ofAlice = pdsBlobStore(blobs, {
      BlobNotFoundError,
      referenced: async (_did, cids) => new Map(cids.map((cid) => [cid, standing(cid)])),
    })(alice)
    expect(Buffer.from(await ofAlice.getBytes(image.cid))).toEqual(png)
    await expect(ofAlice.getBytes(hidden.cid)).rejects.toBeInstanceOf(BlobNotFoundError)
    await ofAlice.unquarantine(hidden.cid)
    expect(await ofAlice.hasStored(hidden.cid)).toBe(true)
    expect(await ofAlice.hasStored(temporary.cid)).toBe(false)
    await ofAlice.makePermanent(String(pds.tempKey(alice, temporary.cid)), temporary.cid)
    expect(await blobs.stat(alice, temporary.cid, { as: 'account' })).toMatchObject({ referenced: true })
  })

  test('makes the store keep the references, if it is told to', async () => {
    const { pds, image, shared, hidden } = filled()
    const never = { cid: cidOfBytes(bytes('never came')), mimeType: 'text/vtt', size: 10 }
    pds.post(alice, 'migrated', never)
    const blobs = new FolderPlace().store()
    for (const _ of ['first', 'again']) {
      const report = await importFrom(pds, blobs, { references: 'store' })
      expect(report.findings).toMatchObject([{ problem: 'missing', did: alice, cid: never.cid }])
    }
    expect(await blobs.recordsFor(alice, image.cid)).toEqual([uriOf(alice, 'image')])
    expect(await blobs.recordsFor(alice, shared.cid)).toEqual([uriOf(alice, 'image')])
    expect(await blobs.stat(alice, hidden.cid, { as: 'moderator' })).toMatchObject({
      takenDown: true,
      referenced: true,
    })
    expect((await blobs.listMissing(alice)).items).toEqual([{ cid: never.cid, recordUri: uriOf(alice, 'migrated') }])
    await blobs.upload(alice, bytes('never came'), { mimeType: 'text/vtt' })
    expect(await blobs.stat(alice, never.cid)).toMatchObject({ referenced: true })
    const revs = pds.database(alice).prepare('SELECT repoRev FROM record WHERE rkey = ?').pluck()
    expect((await blobs.listPublic(alice, { since: String(revs.get('image')) })).items).toEqual([never.cid])
  })

  test('changes nothing of the source', async () => {
    const { pds } = filled()
    const [before, rows] = [pds.tree(), dump(pds)]
    await importFrom(pds, new FolderPlace().store())
    expect(pds.tree()).toEqual(before)
    expect(dump(pds)).toEqual(rows)
  })

  test('skips what was imported, and imports what changed', async () => {
    const { pds, image, hidden, temporary } = filled()
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs)
    const pins = await blobs.recordsFor(alice, image.cid)
    expect(await importFrom(pds, blobs)).toMatchObject({ imported: 0, present: 5, findings: [] })
    expect(await blobs.recordsFor(alice, image.cid)).toEqual(pins)
    pds.post(alice, 'later', temporary)
    pds.takedown(alice, image.cid)
    pds.database(alice).prepare('UPDATE blob SET takedownRef = NULL WHERE cid = ?').run(hidden.cid)
    expect(await importFrom(pds, blobs)).toMatchObject({ imported: 0, present: 5, findings: [] })
    expect(await blobs.stat(alice, temporary.cid)).not.toBe(null)
    expect(await blobs.stat(alice, hidden.cid)).not.toBe(null)
    expect(await blobs.stat(alice, image.cid)).toBe(null)
  })

  test('forgets what was deleted between two imports, with the option prune', async () => {
    const { pds, image, shared } = filled()
    const place = new FolderPlace()
    const blobs = place.store()
    await importFrom(pds, blobs, { references: 'store' })
    pds.unpost(alice, 'image', image.cid)
    rmSync(join(pds.database(bob).name, '..'), { recursive: true })
    expect(await importFrom(pds, blobs, { references: 'store' })).toMatchObject({ pruned: 0 })
    expect(await blobs.stat(alice, image.cid)).not.toBe(null)
    expect(await importFrom(pds, blobs, { references: 'store', prune: true })).toMatchObject({ pruned: 2 })
    for (const did of [alice, bob]) expect(await blobs.stat(did, did === alice ? image.cid : shared.cid)).toBe(null)
    await expect(importFrom(pds, blobs, { prune: true })).rejects.toThrow('prune')
  })

  // Fails when only blobs that are held are looked at: an upload would become public by a record that is gone.
  test('forgets with prune what waits for a blob, when its record is gone', async () => {
    const { pds } = filled()
    const blobs = new FolderPlace().store()
    const late = bytes('late')
    const missing = { cid: cidOfBytes(late), mimeType: 'text/plain', size: late.byteLength }
    pds.post(alice, 'late', missing)
    await importFrom(pds, blobs, { references: 'store' })
    expect((await blobs.listMissing(alice)).items).toHaveLength(1)
    pds.unpost(alice, 'late', missing.cid)
    expect(await importFrom(pds, blobs, { references: 'store', prune: true })).toMatchObject({ pruned: 1 })
    expect((await blobs.listMissing(alice)).items).toEqual([])
    await blobs.upload(alice, late)
    expect(await blobs.stat(alice, missing.cid)).toBe(null)
  })

  test('forgets with prune what waits for a blob of an account that is gone', async () => {
    const { pds } = filled()
    const blobs = new FolderPlace().store()
    const dave = 'did:plc:dave'
    const late = bytes('late')
    pds.post(dave, 'late', { cid: cidOfBytes(late), mimeType: 'text/plain', size: late.byteLength })
    await importFrom(pds, blobs, { references: 'store' })
    expect((await blobs.listMissing(dave)).items).toHaveLength(1)
    rmSync(join(pds.database(dave).name, '..'), { recursive: true })
    expect(await importFrom(pds, blobs, { references: 'store', prune: true })).toMatchObject({ pruned: 1 })
    expect((await blobs.listMissing(dave)).items).toEqual([])
  })

  // Fails when an account is pruned of which a blob could not be looked at: what keeps it would be forgotten.
  test('forgets nothing of an account of which a blob has failed', async () => {
    const { pds, image } = filled()
    const blobs = new FolderPlace().store()
    pds.database(alice).prepare('DELETE FROM record_blob WHERE blobCid = ?').run(image.cid)
    await importFrom(pds, blobs, { references: 'store' })
    const kept = await blobs.recordsFor(alice, image.cid)
    expect(kept).toHaveLength(1)
    const stat: BlobStore['stat'] = (did, cid, options) =>
      cid === image.cid ? Promise.reject(new Error('the database is gone')) : blobs.stat(did, cid, options)
    const broken = Object.create(blobs, { stat: { value: stat } }) as BlobStore
    const report = await importFrom(pds, broken, { references: 'store', prune: true })
    expect(report).toMatchObject({ pruned: 0, findings: [{ problem: 'failed', cid: image.cid }] })
    expect(await blobs.recordsFor(alice, image.cid)).toEqual(kept)
  })

  test('reports what is damaged, missing or without owner, and imports the rest', async () => {
    const { pds, image, shared } = filled()
    writeFileSync(join(pds.location, alice, image.cid), Buffer.from(png).fill(0, 15))
    rmSync(join(pds.location, bob, shared.cid))
    const stray = cidOfBytes(bytes('stray'))
    writeFileSync(join(pds.location, alice, stray), 'stray')
    writeFileSync(join(pds.location, 'tempt', alice, 'leftover'), 'left over')
    const carol = 'did:plc:carol'
    mkdirSync(join(pds.location, carol))
    writeFileSync(join(pds.location, carol, stray), 'stray')
    pds
      .database(alice)
      .prepare('INSERT INTO blob (cid, mimeType, size, createdAt) VALUES (?, ?, ?, ?)')
      .run('bafyno', 'a/b', 1, '')
    const blobs = new FolderPlace().store()
    const told: string[] = []
    const report = await importFrom(pds, blobs, { onFinding: ({ problem }) => told.push(problem) })
    const found = report.findings.map(({ problem, did, cid }) => [problem, did, cid])
    expect(found).toHaveLength(5)
    expect(found).toEqual(
      expect.arrayContaining([
        ['damaged', alice, image.cid],
        ['missing', bob, shared.cid],
        ['unknown', alice, stray],
        ['unknown', carol, stray],
        ['unreadable', alice, 'bafyno'],
      ]),
    )
    expect(told).toEqual(report.findings.map(({ problem }) => problem))
    expect(report).toMatchObject({ imported: 3, leftovers: 1 })
    expect(await blobs.stat(alice, image.cid, { as: 'moderator' })).toBe(null)
    expect(await blobs.stat(alice, shared.cid)).not.toBe(null)
  })

  test('reports a database that cannot be read, and continues', async () => {
    const { pds, image } = filled()
    const broken = pds.database(bob)
    const file = broken.name
    broken.pragma('wal_checkpoint(TRUNCATE)')
    broken.close()
    writeFileSync(file, Buffer.concat([readFileSync(file).subarray(0, 100), Buffer.alloc(5000, 1)]))
    const blobs = new FolderPlace().store()
    const report = await importFrom(pds, blobs)
    expect(report.findings).toMatchObject([{ problem: 'unreadable', did: bob }])
    expect(await blobs.stat(alice, image.cid)).not.toBe(null)
  })

  test('only reports what it would do in a dry run', async () => {
    const { pds, shared } = filled()
    rmSync(join(pds.location, bob, shared.cid))
    const blobs = new FolderPlace().store()
    const report = await importFrom(pds, blobs, { dryRun: true })
    expect(report).toMatchObject({ imported: 4, findings: [{ problem: 'missing' }] })
    expect(await blobs.stats()).toMatchObject({ count: 0, doomedCount: 0 })
  })

  test('reads the targets of symbolic links: a blob’s file, the folder of an account, each root', async () => {
    const { pds, image } = filled()
    const elsewhere = temporaryFolder()
    const behindLink = (path: string, name: string): string => {
      renameSync(path, join(elsewhere, name))
      symlinkSync(join(elsewhere, name), path)
      return path
    }
    behindLink(join(pds.location, alice, image.cid), 'image')
    for (const did of [alice, bob]) behindLink(join(pds.location, did), `blobs of ${did}`)
    const folder = dirname(pds.database(alice).name)
    pds.close()
    behindLink(folder, 'database of alice')
    behindLink(pds.actors, 'actors')
    behindLink(pds.location, 'blocks')
    const blobs = new FolderPlace().store()
    expect(await importFrom(pds, blobs)).toMatchObject({ imported: 5, findings: [] })
    expect(await (await blobs.read(alice, image.cid)).bytes()).toEqual(png)
  })

  test('imports nothing else that a symbolic link leads to', async () => {
    const { pds, image } = filled()
    const file = join(pds.location, alice, image.cid)
    rmSync(file)
    symlinkSync(import.meta.filename, file)
    const blobs = new FolderPlace().store()
    expect((await importFrom(pds, blobs)).findings).toMatchObject([{ cid: image.cid, problem: 'damaged' }])
    expect(await blobs.stat(alice, image.cid, { as: 'moderator' })).toBe(null)
  })

  test('observes its rate, and ends at once when it is aborted', async () => {
    const { pds } = filled()
    const started = performance.now()
    await importFrom(pds, new FolderPlace().store(), { bytesPerSecond: 100 })
    expect(performance.now() - started).toBeGreaterThan(300)
    const aborting = new AbortController()
    const ended = importFrom(pds, new FolderPlace().store(), {
      signal: aborting.signal,
      onProgress: () => aborting.abort(new Error('enough')),
    })
    await expect(ended).rejects.toThrow('enough')
  })
})

describe('the export', () => {
  test('restores the files that were imported', async () => {
    const { pds } = filled()
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs)
    const location = temporaryFolder()
    expect(await exportPds(blobs, { location, actors: pds.actors })).toMatchObject({
      written: 5,
      skipped: 0,
      findings: [],
    })
    expect(pds.tree(location)).toEqual(pds.tree())
    expect(await exportPds(blobs, { location, actors: pds.actors })).toMatchObject({ written: 0, present: 5 })
  })

  test('without the databases of the PDS omits temporary blobs', async () => {
    const { pds, temporary } = filled()
    const blobs = new FolderPlace().store()
    await importFrom(pds, blobs)
    const location = temporaryFolder()
    expect(await exportPds(blobs, { location })).toMatchObject({ written: 4, skipped: 1 })
    const tree = pds.tree()
    tree.delete(join('tempt', alice, String(pds.tempKey(alice, temporary.cid))))
    expect(pds.tree(location)).toEqual(tree)
  })

  test('writes a file for each CID, and a manifest', async () => {
    const { pds, image, shared } = filled()
    const place = new FolderPlace()
    const blobs = place.store()
    await importFrom(pds, blobs, { references: 'store' })
    const folder = temporaryFolder()
    expect(await exportFiles(blobs, { folder })).toMatchObject({ accounts: 2, examined: 5, written: 4, present: 1 })
    const manifest = readFileSync(join(folder, 'manifest.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(manifest).toHaveLength(5)
    expect(manifest).toContainEqual({
      did: alice,
      cid: image.cid,
      mimeType: 'image/png',
      size: 16,
      createdAt: '2025-03-04T05:06:07.000Z',
      takenDown: false,
      references: [uriOf(alice, 'image')],
    })
    expect([...pds.tree(folder).keys()]).toEqual([...new Set(manifest.map(({ cid }) => cid)), 'manifest.jsonl'].sort())
    for (const { cid } of manifest) expect(cidOfBytes(readFileSync(join(folder, cid)))).toBe(cid)
    writeFileSync(join(folder, shared.cid), 'shaRed')
    expect(await exportFiles(blobs, { folder })).toMatchObject({ written: 0 })
    expect(await exportFiles(blobs, { folder, verify: true })).toMatchObject({ written: 1 })
  })

  test('reports what the store does not have, and writes no file for it', async () => {
    const { pds, image, shared } = filled()
    const place = new FolderPlace()
    const blobs = place.store()
    await importFrom(pds, blobs)
    place.clock.advance(2 * day)
    await blobs.collect() // the second copy of the shared bytes
    writeFileSync(place.fileOf(image.cid), Buffer.from(png).fill(0, 15))
    rmSync(place.fileOf(shared.cid))
    const location = temporaryFolder()
    const report = await exportPds(blobs, { location })
    const problems = report.findings.map(({ problem, did, cid }) => `${problem} ${did} ${cid}`)
    expect(problems.sort()).toEqual([
      `damaged ${alice} ${image.cid}`,
      `missing ${alice} ${shared.cid}`,
      `missing ${bob} ${shared.cid}`,
    ])
    expect(pds.tree(location).size).toBe(1)
  })
})

function dump(pds: ReferencePds): unknown[] {
  return [alice, bob].flatMap((did) =>
    ['repo_root', 'record', 'blob', 'record_blob'].map((table) =>
      pds.database(did).prepare(`SELECT * FROM ${table}`).all(),
    ),
  )
}
