import { chmodSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSpoolDirectory } from '../../../src/backend/files/spool-directory.ts'
import { temporaryFolder } from '../../support/places.ts'

function linkTo(make: (target: string) => void): string {
  const folder = temporaryFolder()
  make(join(folder, 'target'))
  symlinkSync('target', join(folder, 'spools'))
  return join(folder, 'spools')
}

const own = (target: string) => mkdirSync(target, { mode: 0o700 })

test('the directory for spools may be a link that this user has made', async () => {
  await openSpoolDirectory(linkTo(own))
})

test('a link leads to a directory, to which nobody else may write', async () => {
  const file = linkTo((target) => writeFileSync(target, ''))
  await expect(openSpoolDirectory(file)).rejects.toMatchObject({ code: expect.stringMatching(/ENOTDIR|EEXIST/) })
  const open = linkTo((target) => {
    own(target)
    chmodSync(target, 0o777)
  })
  await expect(openSpoolDirectory(open)).rejects.toThrow('others may write to the directory for spools')
})

test.runIf(process.getuid?.() === 0)('a link that another user has made is refused: it may lead anywhere', async () => {
  const link = linkTo(own)
  lchownSync(link, 65_534, 65_534)
  await expect(openSpoolDirectory(link)).rejects.toThrow('"spools" is a symbolic link')
})
