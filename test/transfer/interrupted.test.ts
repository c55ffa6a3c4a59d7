import { expect, test } from 'vitest'
import { exportPds } from '../../src/export.ts'
import { DiskTree, importPds } from '../../src/import.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes, post } from '../support/samples.ts'
import { BusyPds, expectAll } from './busy-pds.ts'

// Fails when an import that was stopped forgets something, when the next one begins from the start, or when one blocks
// a PDS or a store that serves meanwhile.

test('an import and an export that are stopped twenty times miss nothing, while PDS and store serve', {
  timeout: 300_000,
}, async () => {
  const pds = new BusyPds(20)
  for (let step = 0; step < 200; step++) pds.step()
  const place = new FolderPlace()
  const blobs = place.store()
  const source = { tree: new DiskTree({ location: pds.location }), actors: pds.actors }

  const busy = pds.keepBusy()
  let imported = 0
  for (let round = 1; round <= 20; round++) {
    await post(blobs, alice, `own ${round}`.replace(' ', ''), await blobs.upload(alice, bytes(`own ${round}`)))
    const stopping = new AbortController()
    const stopped = new Error('stopped')
    const ended = importPds(blobs, {
      ...source,
      signal: stopping.signal,
      onProgress: (report) => report.imported > 5 && stopping.abort(stopped),
    })
    await expect(ended).rejects.toBe(stopped)
    const { count } = await blobs.stats()
    expect(count).toBeGreaterThan(imported)
    imported = count
  }
  await busy.done()

  const report = await importPds(blobs, source)
  expect(report.findings).toEqual([])
  expect(report.present).toBeGreaterThan(100)
  await expectAll(blobs, pds)
  expect(await importPds(blobs, source)).toMatchObject({ imported: 0, gone: 0, findings: [] })
  for (let round = 1; round <= 20; round++) expect((await blobs.listAll(alice)).items).toHaveLength(20)

  const location = temporaryFolder()
  for (let round = 1; round <= 20; round++) {
    const stopping = new AbortController()
    const ended = exportPds(blobs, {
      location,
      actors: pds.actors,
      sync: false,
      signal: stopping.signal,
      onProgress: ({ written }) => written > 2 && stopping.abort(new Error('stopped')),
    })
    await expect(ended).rejects.toThrow('stopped')
  }
  expect((await exportPds(blobs, { location, actors: pds.actors })).present).toBeGreaterThan(50)
  expect(pds.tree(location)).toEqual(pds.tree())
  pds.close()
})
