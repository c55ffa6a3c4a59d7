import { join, resolve } from 'node:path'
import type { CallOptions } from '../../backend/backend.ts'
import { isDid } from '../../blob/identifiers.ts'
import { BlobStoreError } from '../../errors.ts'
import { assertOptions } from '../../options.ts'
import { isFolder, listingOf, openFile } from '../files.ts'
import { isPlainName, type PdsTree, type TreeArea, type TreeObject } from './pds-tree.ts'

export interface DiskTreeOptions {
  /** `PDS_BLOBSTORE_DISK_LOCATION`. */
  location: string
  /** `PDS_BLOBSTORE_DISK_TMP_LOCATION`. @default `tempt` in `location` */
  tempLocation?: string | undefined
  /** @default `quarantine` in `location` */
  quarantineLocation?: string | undefined
}

/** The blobs of a reference PDS on disk: `{location}/{did}/{cid}`, `tempt/{did}/{key}`, `quarantine/{did}/{cid}`. */
export class DiskTree implements PdsTree {
  readonly #roots: Readonly<Record<TreeArea, string>>

  constructor(options: DiskTreeOptions) {
    assertOptions('DiskTree', options, ['location', 'tempLocation', 'quarantineLocation'])
    const { location } = options
    if (typeof location !== 'string' || location === '') {
      throw new BlobStoreError(
        'InvalidArgument',
        'DiskTree needs `location`, the folder in which the PDS has its blobs',
      )
    }
    this.#roots = {
      stored: resolve(location),
      temporary: resolve(options.tempLocation ?? join(location, 'tempt')),
      quarantined: resolve(options.quarantineLocation ?? join(location, 'quarantine')),
    }
  }

  describe(area: TreeArea, did: string, name: string): string {
    return join(this.#roots[area], did, name)
  }

  async open(area: TreeArea, did: string, name: string, { signal }: CallOptions = {}): Promise<TreeObject | null> {
    if (!isDid(did) || !isPlainName(name)) return null
    return openFile(this.describe(area, did, name), signal)
  }

  async *accounts(area: TreeArea): AsyncGenerator<string> {
    for (const entry of await listingOf(this.#roots[area])) {
      if (isDid(entry.name) && (await isFolder(entry))) yield entry.name
    }
  }

  /** Returns any name, also folders in the place of files, so that they are reported. */
  async *names(area: TreeArea, did: string): AsyncGenerator<string> {
    for (const { name } of await listingOf(join(this.#roots[area], did))) yield name
  }

  async close(): Promise<void> {}
}
