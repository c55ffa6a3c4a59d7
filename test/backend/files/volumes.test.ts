import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSpoolDirectory } from '../../../src/backend/remote/spool-directory.ts'
import { DiskBackend } from '../../../src/index.ts'
import { assertHolds, putBlob } from '../../../src/testing/blobs.ts'
import { temporaryFolder } from '../../support/places.ts'

const [user, group] = [4321, 2000]
const isRoot = process.getuid?.() === 0

/**
 * A volume as Kubernetes mounts it with `fsGroup`: it belongs to root, and the process may write there through a group.
 */
function volume(mode: number, of: { uid?: number; gid?: number } = {}): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o711)
  const path = join(folder, 'volume')
  mkdirSync(path)
  chownSync(path, of.uid ?? 0, of.gid ?? group)
  chmodSync(path, mode)
  return path
}

/** Without a name, as by `docker run --user`, and in one more group. */
async function asUser(call: () => Promise<void>): Promise<void> {
  const groups = process.getgroups?.() ?? []
  process.setgroups?.([group])
  process.setegid?.(user)
  process.seteuid?.(user)
  try {
    await call()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
    process.setgroups?.(groups)
  }
}

describe.runIf(isRoot)('a volume that belongs to root and that a group may write to', () => {
  // Fails when a root must belong to the user.
  test.each([0o2777, 0o2770, 0o770])('holds the root of a DiskBackend (mode %o)', async (mode) => {
    const path = volume(mode)
    mkdirSync(join(path, 'lost+found'), { mode: 0o700 })
    await asUser(async () => {
      for (const root of [path, join(path, 'inner/blobs')]) {
        const backend = new DiskBackend({ root })
        await backend.open()
        await assertHolds(backend, await putBlob(backend, 100_000))
        await backend.close()
      }
    })
  })
  // Fails when the folder must belong to the user, and be closed to its group: the second start would fail after the
  // volume's modes were set again.
  test.each([
    [0o2770, {}],
    [0o770, {}],
    [0o2770, { uid: user }],
    [0o700, { uid: user }],
  ] as const)('holds the spools of a backend (mode %o, %j)', async (mode, of) => {
    const path = volume(mode, of)
    await asUser(() => openSpoolDirectory(path))
  })

  test.each([
    [0o2777, {}],
    [0o770, { uid: user }],
    [0o2770, { uid: user, gid: 2001 }],
    [0o2770, { uid: 4322 }],
    [0o700, { uid: 4322 }],
  ] as const)('holds no spools where other users may write (mode %o, %j)', async (mode, of) => {
    const path = volume(mode, of)
    await asUser(() => expect(openSpoolDirectory(path)).rejects.toThrow('other users may write'))
  })

  test('holds spools in a folder of its own, which is created', async () => {
    const path = join(volume(0o2777), 'spools')
    await asUser(() => openSpoolDirectory(path))
    chmodSync(path, 0o2770) // what a new mount does to the whole volume
    await asUser(() => openSpoolDirectory(path))
  })
})
