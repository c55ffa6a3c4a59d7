import { readdirSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SpoolFile } from '../../../src/backend/files/spool-file.ts'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { bytes } from '../../support/samples.ts'
import { temporaryDirectory } from '../disk/fixture.ts'

// Fails when its descriptor is closed twice: the second time it may be another file's.
test('a spool that is discarded while it is finished closes its file once', async () => {
  const directory = temporaryDirectory()
  const spool = await SpoolFile.create(directory)
  await spool.write([bytes('some')])
  const closing = vi.spyOn(sys, 'close')
  onTestFinished(() => closing.mockRestore())
  const finishing = spool.finish(true)
  await Promise.all([finishing, spool.discard(), spool.discard()])
  expect(closing).toHaveBeenCalledOnce()
  expect(readdirSync(directory)).toEqual([])
  await expect(spool.write([bytes('more')])).rejects.toThrow(/was discarded/)
})
