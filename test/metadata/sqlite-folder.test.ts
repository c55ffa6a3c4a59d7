import { chmodSync, existsSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { temporaryFolder } from '../support/places.ts'
import { alice, bytes } from '../support/samples.ts'

async function open(file: string, backend = new MemoryBackend()) {
  const limits = { accept: ['*/*'] }
  const blobs = createBlobStore({ backend, metadata: sqliteMetadata(file), limits })
  onTestFinished(() => blobs.close())
  await blobs.upload(alice, bytes('x'))
  return blobs
}

describe('the folder of a store’s SQLite file', () => {
  test('is created if it is missing, behind symbolic links too', async () => {
    const folder = realpathSync(temporaryFolder())
    mkdirSync(join(folder, 'volume'))
    symlinkSync('volume', join(folder, 'pds'))
    const backend = new MemoryBackend()
    await open(join(folder, 'pds/a/b/blobs.sqlite'), backend)
    for (const path of ['a', 'a/b']) expect(statSync(join(folder, 'volume', path)).mode & 0o777).toBe(0o700)
    symlinkSync('volume/a/b/blobs.sqlite', join(folder, 'linked.sqlite'))
    const blobs = await open(join(folder, 'linked.sqlite'), backend)
    await blobs.backup(join(folder, 'copy.sqlite'))
    expect(existsSync(join(folder, 'linked.sqlite-wal'))).toBe(false)
  })

  test('is not created at the missing target of a link', async () => {
    const folder = temporaryFolder()
    symlinkSync(join(folder, 'unmounted'), join(folder, 'pds'))
    for (const path of ['pds/blobs.sqlite', 'pds/a/blobs.sqlite']) {
      await expect(open(join(folder, path))).rejects.toMatchObject({
        code: 'MetadataFailed',
        message: expect.stringMatching(/^Cannot create "(pds|a)", .* to a missing target, .* Is its volume mounted\?/),
      })
    }
    expect(existsSync(join(folder, 'unmounted'))).toBe(false)
  })

  test('that cannot be created is reported as an error of the library, without its path', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const error = await open(join(folder, 'file/a/blobs.sqlite')).catch((caught) => caught)
    expect(error).toMatchObject({ code: 'MetadataFailed', message: expect.stringContaining('has its name') })
    expect(error.message).not.toContain(folder)
  })

  test.runIf(process.getuid?.() === 0)('that this user may not create is reported as such', async () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    process.seteuid?.(65_534)
    try {
      await expect(open(join(folder, 'a/blobs.sqlite'))).rejects.toMatchObject({
        code: 'MetadataFailed',
        message: expect.stringContaining('may not write above it (EACCES)'),
      })
      await expect(open(join(folder, 'blobs.sqlite'))).rejects.toMatchObject({
        code: 'MetadataFailed',
        message: expect.stringContaining('may the user that runs the process write to the file and to its folder?'),
      })
    } finally {
      process.seteuid?.(0)
    }
  })

  test.each([0o700, 0o750, 0o2770, 0o2777])('may have mode %o', async (mode) => {
    const folder = temporaryFolder()
    chmodSync(folder, mode)
    await open(join(folder, 'a/blobs.sqlite'))
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700)
  })
})
