import { chmodSync, lchownSync, mkdirSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { defaultSpoolDirectory, openSpoolDirectory } from '../../../src/backend/remote/spool-directory.ts'
import { ObjectBackend } from '../../../src/object-backend.ts'
import { assertHolds, makeBlob } from '../../../src/testing/blobs.ts'
import { temporaryFolder } from '../../support/places.ts'
import { putFromSpool } from '../s3/outcome.ts'
import { mapService } from './map-service.ts'

function linkTo(make: (target: string) => void): string {
  const folder = temporaryFolder()
  make(join(folder, 'target'))
  symlinkSync('target', join(folder, 'spools'))
  return join(folder, 'spools')
}

const own = (target: string) => mkdirSync(target, { mode: 0o700 })

test('the directory for spools may be a link that this user has created', async () => {
  await openSpoolDirectory(linkTo(own))
})

test('the target of a link must be a directory that no other user may write to', async () => {
  const file = linkTo((target) => writeFileSync(target, ''))
  await expect(openSpoolDirectory(file)).rejects.toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/) })
  const open = linkTo((target) => {
    own(target)
    chmodSync(target, 0o777)
  })
  await expect(openSpoolDirectory(open)).rejects.toThrow('other users may write to the directory for spools')
})

test.runIf(process.getuid?.() === 0)(
  'a link that another user has created is refused: it may lead anywhere',
  async () => {
    const link = linkTo(own)
    lchownSync(link, 65_534, 65_534)
    await expect(openSpoolDirectory(link)).rejects.toThrow('"spools" is a symbolic link')
  },
)

// Fails when the directory is opened once, with the backend: every upload above 1 MiB would fail until a restart, or go
// where another user leads it.
test('a directory for spools that a cleaner deleted is created again, for this user alone', async () => {
  const spoolDirectory = join(temporaryFolder(), 'spools')
  const backend = new ObjectBackend({ service: mapService(), name: 'ours', durable: true, spoolDirectory })
  await backend.open()
  rmdirSync(spoolDirectory)
  const blob = makeBlob(3_000_000)
  await putFromSpool(backend, blob)
  await assertHolds(backend, blob)
  expect(statSync(spoolDirectory).mode & 0o777).toBe(0o700)
  rmdirSync(spoolDirectory)
  expect(await backend.sweepSpools(0)).toBe(0)
  rmdirSync(spoolDirectory)
  mkdirSync(spoolDirectory)
  chmodSync(spoolDirectory, 0o777)
  await expect(backend.spool()).rejects.toMatchObject({ message: expect.stringContaining('other users may write') })
  await backend.close()
})

// Fails when the name of the user is needed: `docker run --user 4321` has none.
test('the directory for spools is named by the number of the user, who may have no name', () => {
  expect(defaultSpoolDirectory().endsWith(`/pds-blobstore-spool-${process.geteuid?.() ?? -1}`)).toBe(true)
})
