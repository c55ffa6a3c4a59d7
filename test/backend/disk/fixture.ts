import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, type TestContext } from 'vitest'
import { DiskBackend } from '../../../src/backend/disk/disk-backend.ts'
import { shardOf } from '../../../src/backend/disk/layout.ts'
import type { DiskBackendOptions } from '../../../src/backend/disk/options.ts'

/** An empty directory, removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pds-blobstore-disk-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }))
  return directory
}

/** A root that does not exist yet. */
export function newRoot(): string {
  return join(temporaryDirectory(), 'root')
}

export async function openDisk(root: string, options: Omit<DiskBackendOptions, 'root'> = {}): Promise<DiskBackend> {
  const backend = new DiskBackend({ root, minFree: { bytes: 0, inodes: 0 }, ...options })
  await backend.open()
  onTestFinished(() => backend.close())
  return backend
}

export function pathOf(root: string, key: string): string {
  return join(root, 'blobs', shardOf(key), key)
}

export function spoolsIn(root: string): string[] {
  return readdirSync(join(root, 'spool'))
}

/** How many files below `root` this process has open. */
export function openFiles(root: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(root)).length
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

/**
 * Mounts a separate file system at `directory` until the test is over; skips the test where that is not allowed.
 * Returns a function that mounts it again with other options.
 */
export function mountTmpfs(context: TestContext, directory: string, options: string): (options: string) => void {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'pipe' })
  } catch (error) {
    context.skip(`mounting a tmpfs is not permitted here: ${error}`)
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', directory]))
  return (again) => void execFileSync('mount', ['-o', `remount,${again}`, directory])
}
