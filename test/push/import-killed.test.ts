import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FolderPlace } from '../support/folder-place.ts'
import { temporaryFolder } from '../support/places.ts'
import { BusyPds, expectAll } from '../transfer/busy-pds.ts'
import { killAmidst, reportOf } from '../transfer/killing.ts'

// The command line imports, and exports again, and is killed IMPORT_KILLS times (20) during each, while the PDS serves.
// Fails when what a kill has left counts as done, or blocks the next run.

const { IMPORT_BLOBS = '500', IMPORT_KILLS = '20' } = process.env
const [steps, kills] = [Number(IMPORT_BLOBS), Number(IMPORT_KILLS)]
test('imports and exports that are killed again and again miss nothing', { timeout: 3_600_000 }, async () => {
  const pds = new BusyPds(50)
  for (let step = 0; step < steps; step++) pds.step()
  const place = new FolderPlace()
  const store = ['--disk', place.root, '--sqlite', place.database]
  const imports = ['import', '--from', pds.location, '--actors', pds.actors, '--create', ...store]

  const busy = pds.keepBusy()
  for (let round = 1; round <= kills; round++)
    await killAmidst(join(place.root, 'blobs'), [...imports, '--rate', '40k'])
  await busy.done()
  expect(await reportOf(imports)).toMatchObject({ gone: 0, findings: [] })
  expect(await reportOf(imports)).toMatchObject({ imported: 0, findings: [] })
  const blobs = place.store()
  await expectAll(blobs, pds)
  await blobs.close()

  const to = temporaryFolder()
  const exports = ['export', '--to', to, '--layout', 'pds', '--actors', pds.actors, ...store]
  for (let round = 1; round <= kills; round++) await killAmidst(to, [...exports, '--rate', '40k'])
  expect(await reportOf(exports)).toMatchObject({ findings: [] })
  expect(pds.tree(to)).toEqual(pds.tree())
  pds.close()
})
