import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { sys } from '../../../src/backend/files/system-calls.ts'
import { assertHolds, listAll, makeBlob, putBlob } from '../../../src/testing/blobs.ts'
import { mountTmpfs, openDisk, temporaryDirectory } from './fixture.ts'

// Fails when a link is refused, or followed to a missing target, when a parent is not synced, or when syncing needs
// more rights than necessary.

/** A volume, and a folder in which there may be links to it. */
function folders() {
  const folder = realpathSync(temporaryDirectory())
  const [volume, pds] = [join(folder, 'volume'), join(folder, 'pds')]
  mkdirSync(volume)
  return { folder, volume, pds }
}

/** The directories that are synced from now on. */
function syncedDirectories(): string[] {
  const synced: string[] = []
  const paths = new Map<number, string>()
  const { openDirectory, fsync } = sys
  const opening = vi.spyOn(sys, 'openDirectory').mockImplementation(async (path) => {
    const fd = await openDirectory(path)
    paths.set(fd, path)
    return fd
  })
  const syncing = vi.spyOn(sys, 'fsync').mockImplementation(async (fd) => {
    await fsync(fd)
    const path = paths.get(fd)
    if (path !== undefined) synced.push(path)
  })
  onTestFinished(() => {
    opening.mockRestore()
    syncing.mockRestore()
  })
  return synced
}

describe('a root behind symbolic links', () => {
  test('may itself be one, with or without a slash, and the bytes are at its target', async () => {
    const { volume, pds } = folders()
    symlinkSync(volume, pds)
    for (const path of [pds, `${pds}/`, `${pds}/.`]) await openDisk(path)
    const blob = await putBlob(await openDisk(pds), 10)
    await assertHolds(await openDisk(volume), blob)
    expect(readdirSync(volume).sort()).toEqual(['blobs', 'layout-1', 'spool'])
    expect(lstatSync(pds).isSymbolicLink()).toBe(true)
  })

  test('may have one among its parents, and is created there with missing parents', async () => {
    const { volume, pds } = folders()
    symlinkSync(volume, pds)
    const backend = await openDisk(join(pds, 'data', 'blobs'))
    await backend.writeMarker('mine')
    const blob = await putBlob(backend, 10)
    const again = await openDisk(join(pds, 'data', 'blobs'))
    expect(await listAll(again)).toEqual([blob.key])
    expect(await again.readMarker()).toBe('mine')
    for (const path of ['data', 'data/blobs']) expect(lstatSync(join(volume, path)).mode & 0o777, path).toBe(0o700)
  })

  // Fails when anything that `realpath` cannot find counts as a link.
  test('is used as it is when another process creates it at the same time', async () => {
    const { pds } = folders()
    const { realpath } = sys
    const asked = vi.spyOn(sys, 'realpath').mockImplementationOnce(async (path) => {
      const nothing = realpath(path)
      await nothing.catch(() => mkdirSync(path))
      return nothing
    })
    onTestFinished(() => asked.mockRestore())
    await putBlob(await openDisk(pds), 10)
  })

  test('may be a link to a link, relative too', async () => {
    const { folder, volume, pds } = folders()
    symlinkSync('volume', join(folder, 'link'))
    symlinkSync('link', pds)
    await putBlob(await openDisk(join(pds, 'blobs')), 10)
    expect(readdirSync(join(volume, 'blobs')).sort()).toEqual(['blobs', 'layout-1', 'spool'])
  })

  test('keeps its target when a link is changed while it is open', async () => {
    const { folder, volume, pds } = folders()
    symlinkSync(volume, pds)
    const backend = await openDisk(pds)
    const first = await putBlob(backend, 10)
    const other = join(folder, 'other')
    mkdirSync(other)
    unlinkSync(pds)
    symlinkSync(other, pds)
    await assertHolds(backend, first)
    await assertHolds(backend, await putBlob(backend, 20))
    expect(readdirSync(other)).toEqual([])
    await backend.open()
    expect(await listAll(backend)).toEqual([])
    expect(readdirSync(other).sort()).toEqual(['blobs', 'layout-1', 'spool'])
  })

  test.each(['', 'blobs', 'data/blobs'])(
    'with a missing target is refused, and the target is not created (%s)',
    async (below) => {
      const { folder, pds } = folders()
      symlinkSync(join(folder, 'unmounted', 'pds'), pds)
      const opening = openDisk(join(pds, below))
      await expect(opening).rejects.toMatchObject({ code: 'StorageFailed', transient: false })
      await expect(opening).rejects.toThrow(/"pds" is a symbolic link to a missing target; is its volume mounted\?/)
      expect(existsSync(join(folder, 'unmounted'))).toBe(false)
      mkdirSync(join(folder, 'unmounted', 'pds'), { recursive: true })
      await openDisk(join(pds, below))
    },
  )

  test('that forms a loop, or leads to a file, is refused', async () => {
    const { folder, pds } = folders()
    symlinkSync('pds', pds)
    for (const path of [pds, join(pds, 'blobs')]) {
      await expect(openDisk(path)).rejects.toMatchObject({
        code: 'StorageFailed',
        message: expect.stringContaining('form a loop'),
      })
    }
    unlinkSync(pds)
    writeFileSync(join(folder, 'file'), '')
    symlinkSync('file', pds)
    await expect(openDisk(pds)).rejects.toThrow('is not a directory')
    await expect(openDisk(join(pds, 'blobs'))).rejects.toMatchObject({ code: 'StorageFailed' })
  })

  test('still refuses links inside it', async () => {
    const { folder, volume, pds } = folders()
    symlinkSync(volume, pds)
    const backend = await openDisk(pds)
    renameSync(join(volume, 'spool'), join(folder, 'spool'))
    symlinkSync(join(folder, 'spool'), join(volume, 'spool'))
    await expect(openDisk(pds)).rejects.toThrow('"spool" in it is a symbolic link')
    await backend.close()
  })
})

// Fails when a root is claimed by links alone: on such file systems nothing would open.
test('a root on a file system without hard links is claimed too, by one store', { timeout: 20_000 }, async () => {
  const root = join(temporaryDirectory(), 'root')
  const refused = Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' })
  const linking = vi.spyOn(sys, 'link').mockRejectedValue(refused)
  onTestFinished(() => linking.mockRestore())
  const both = [await openDisk(root), await openDisk(root)]
  const claimed = await Promise.all(both.map((backend, n) => backend.claimMarker(`of ${n}`)))
  expect(new Set(claimed).size).toBe(1)
  expect(await both[0]?.readMarker()).toBe(claimed[0])
  expect(await both[1]?.claimMarker('too late')).toBe(claimed[0])
  expect(readdirSync(join(root, 'spool'))).toEqual([])
})

describe('the names that lead to the root are on stable storage when it is open', () => {
  test('also behind links, and up to the mount point', async () => {
    const { folder, volume, pds } = folders()
    symlinkSync(volume, pds)
    const synced = syncedDirectories()
    await openDisk(join(pds, 'a', 'b', 'root'))
    const parents = [join(volume, 'a', 'b'), join(volume, 'a'), volume, folder, dirname(folder)]
    expect(synced.slice(0, parents.length)).toEqual(parents)
    expect(synced.indexOf(join(volume, 'a', 'b', 'root'))).toBeGreaterThan(parents.length - 1)
  })

  test('also if another process created it and died before it synced them', async () => {
    const { volume } = folders()
    const root = join(volume, 'a', 'root')
    mkdirSync(root, { recursive: true })
    const synced = syncedDirectories()
    await openDisk(root)
    expect(synced).toEqual(expect.arrayContaining([join(volume, 'a'), volume]))
  })

  test('but not those above another file system', async (context) => {
    const { folder, volume } = folders()
    mountTmpfs(context, volume, 'size=1m')
    const synced = syncedDirectories()
    await openDisk(join(volume, 'root'))
    expect(synced).toContain(volume)
    expect(synced).not.toContain(folder)
  })

  test('and none where durability is left to the kernel', async () => {
    const synced = syncedDirectories()
    await openDisk(join(folders().volume, 'root'), { durability: 'relaxed' })
    expect(synced).toEqual([])
  })
})

/** Runs as a user that owns nothing except what it is given. */
async function asNobody(run: () => Promise<void>): Promise<void> {
  process.setegid?.(65_534)
  process.seteuid?.(65_534)
  try {
    await run()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

describe('whatever modes the folders around it have', () => {
  test.each([0o700, 0o750, 0o755, 0o770, 0o777, 0o1777, 0o2770, 0o2777, 0o3777])(
    'a root opens in a folder of mode %o, and its files are its owner’s only',
    async (mode) => {
      for (const umask of [0o000, 0o022, 0o077]) {
        const before = process.umask(umask)
        onTestFinished(() => void process.umask(before))
        const { volume } = folders()
        chmodSync(volume, mode)
        const backend = await openDisk(join(volume, 'a', 'root'))
        const { key } = await putBlob(backend, 10)
        await backend.writeMarker('mine')
        await backend.spool()
        const paths = readdirSync(volume, { recursive: true, withFileTypes: true })
        expect(paths.length).toBeGreaterThan(7)
        for (const entry of paths) {
          const found = lstatSync(join(entry.parentPath, entry.name)).mode
          expect(found & 0o777, entry.name).toBe(entry.isDirectory() ? 0o700 : 0o600)
        }
        expect(await listAll(backend)).toEqual([key])
      }
    },
  )

  test.runIf(process.getuid?.() === 0)('a user opens its own root below folders that it may not read', async () => {
    const { folder, volume } = folders()
    const [closed, root] = [join(volume, 'closed'), join(volume, 'closed', 'root')]
    mkdirSync(root, { recursive: true })
    for (const path of [dirname(folder), folder, volume, closed]) {
      if (path.includes('pds-blobstore-disk-')) chmodSync(path, 0o711)
    }
    chownSync(root, 65_534, 65_534)
    await asNobody(async () => {
      await putBlob(await openDisk(root), 10)
    })
  })

  // Fails when a command that root runs beside the host leaves what the host may not read, such as the marker.
  test.runIf(process.getuid?.() === 0)('what root makes in the folder of a user belongs to that user', async () => {
    const { folder, volume } = folders()
    const root = join(volume, 'root')
    mkdirSync(root)
    for (const path of [folder, volume]) chmodSync(path, 0o711)
    chownSync(root, 65_534, 65_534)
    const byRoot = await openDisk(root)
    const blob = await putBlob(byRoot, 10)
    await byRoot.claimMarker('first')
    await byRoot.writeMarker('second')
    await byRoot.spool()
    await asNobody(async () => {
      const backend = await openDisk(root)
      expect(await backend.readMarker()).toBe('second')
      await assertHolds(backend, blob)
      await backend.writeMarker('third')
      expect(await backend.delete([blob.key])).toEqual(new Map())
    })
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      const { uid, gid } = lstatSync(join(entry.parentPath, entry.name))
      expect([uid, gid], entry.name).toEqual([65_534, 65_534])
    }
  })

  test.runIf(process.getuid?.() === 0)(
    'a user who may not create or read the root gets an error that says so',
    async () => {
      const { folder, volume } = folders()
      chmodSync(folder, 0o755)
      chmodSync(volume, 0o755)
      const other = join(volume, 'other')
      await (await openDisk(other)).close()
      await asNobody(async () => {
        for (const path of [other, join(volume, 'new'), join(other, 'below')]) {
          await expect(openDisk(path)).rejects.toMatchObject({
            code: 'StorageFailed',
            transient: false,
            message: expect.stringMatching(
              /^Cannot open the root of backend "disk": permission denied; the directory must belong/,
            ),
          })
        }
      })
    },
  )
})

test('a shard that is a link is refused behind a link too', async () => {
  const { folder, volume, pds } = folders()
  symlinkSync(volume, pds)
  const backend = await openDisk(pds)
  const blob = makeBlob(10)
  symlinkSync(folder, join(volume, 'blobs', blob.key.slice(56, 58)))
  await expect(backend.put(blob.key, blob.body)).rejects.toThrow(/is a symbolic link/)
})
