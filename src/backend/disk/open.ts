import type { Dirent } from 'node:fs'
import { basename } from 'node:path'
import { checkDirectory, makeDirectory, syncDirectory } from '../files/directory.ts'
import { giveTo, ownerIn } from '../files/owner.ts'
import { errnoOf, Refusal, sys } from '../files/system-calls.ts'
import { isShardName, isVersionName, type Layout, versionName } from './layout.ts'
import { syncParents } from './root.ts'

/**
 * Creates the directories in the root, or checks existing ones, and resolves with the shards. With `durable`, all their
 * names are then on stable storage, including those that another process created before it died without fsync.
 */
export async function openLayout(layout: Layout, durable: boolean): Promise<string[]> {
  const root = await checkDirectory(layout.root)
  layout.owner = ownerIn(root)
  if (durable) await syncParents(layout.root)
  await claimRoot(layout, durable)
  for (const directory of [layout.blobs, layout.spools]) {
    await makeDirectory(directory, layout.owner)
    if ((await checkDirectory(directory)).dev !== root.dev) {
      throw new Refusal(
        'EXDEV',
        `"${basename(directory)}" is on another device than the root; blobs must move between them in one step`,
      )
    }
  }
  if (durable) await syncDirectory(layout.root)
  const shards = await findShards(layout)
  if (durable) await syncDirectory(layout.blobs)
  return shards
}

/** Writes the version into an empty root. Refuses files of other software or of a later version. */
async function claimRoot(layout: Layout, durable: boolean): Promise<void> {
  const entries = await sys.readdirTypes(layout.root)
  const versions = entries.map((entry) => entry.name).filter(isVersionName)
  if (versions.length === 1 && versions[0] === versionName) return refuseLinks(entries)
  if (versions.length > 0) {
    const found = versions.join(' and ')
    throw new Refusal(
      'EINVAL',
      `it has ${found}, but this library knows ${versionName}; use the version of the library that wrote it`,
    )
  }
  // mkfs creates it in every new ext file system.
  const foreign = entries.find((entry) => entry.name !== 'lost+found' || entry.isSymbolicLink())
  if (foreign !== undefined) {
    throw new Refusal(
      'ENOTEMPTY',
      `it contains other files, and no ${versionName}, so it is no store; give the store a directory of its own`,
    )
  }
  await createVersion(layout)
  // Before anything else is written, or a power cut might leave files in the root without a version.
  if (durable) await syncDirectory(layout.root)
}

async function createVersion({ version, owner }: Layout): Promise<void> {
  try {
    const fd = await sys.create(version)
    if (owner) await giveTo(owner, fd, version)
    await sys.close(fd)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

async function findShards(layout: Layout): Promise<string[]> {
  const entries = await sys.readdirTypes(layout.blobs)
  refuseLinks(entries)
  const shards = entries.filter((entry) => isShardName(entry.name))
  const wrong = shards.find((entry) => !entry.isDirectory())
  if (wrong !== undefined)
    throw new Refusal('ENOTDIR', `the shard "${wrong.name}" is not a directory; move it elsewhere`)
  return shards.map((entry) => entry.name)
}

function refuseLinks(entries: readonly Dirent[]): void {
  const link = entries.find((entry) => entry.isSymbolicLink())
  if (link !== undefined)
    throw new Refusal(
      'ELOOP',
      `"${link.name}" in it is a symbolic link, which the store does not follow; mount there what it leads to`,
    )
}
