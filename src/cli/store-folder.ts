import { readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { isVersionName } from '../backend/disk/layout.ts'
import { UsageError } from './command.ts'

/** Whether the folder has the bytes of a store. */
export const hasLayout = (folder: string): boolean => namesIn(folder).some(isVersionName)

/**
 * A folder with other files is no store, and never becomes one. Folders beside it in the path are looked at for the one
 * that is meant.
 *
 * @throws `UsageError`
 */
export function assertStoreFolder(disk: string, flag = '--disk'): void {
  // mkfs creates lost+found in every new ext file system.
  const names = namesIn(disk).filter((name) => name !== 'lost+found')
  if (names.length === 0 || names.some(isVersionName)) return
  const near = [dirname(resolve(disk)), ...names.slice(0, most).map((name) => join(disk, name))].find(hasLayout)
  const advice = near === undefined ? 'Give the folder that the host’s DiskBackend has as its root' : `Is it ${near}?`
  throw new UsageError(`${flag} ${disk}: this folder contains other files, and is no blob store. ${advice}`)
}

/** How many folders are looked into. */
const most = 100

/** Nothing for what is no folder, or may not be read: what opens it says so. */
function namesIn(folder: string): string[] {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : []
  } catch {
    return []
  }
}
