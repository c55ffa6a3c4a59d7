import { mkdir, open } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { BlobStoreError } from '../../errors.ts'

/**
 * Creates the folder of an SQLite file if it is missing. With `durable` its name is then on stable storage: SQLite
 * syncs the folder that contains its files, but not the one above.
 *
 * @throws `MetadataFailed`
 */
export async function makeFolderOf(file: string, durable: boolean): Promise<void> {
  const folder = dirname(resolve(file))
  try {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (first === undefined || !durable || process.platform === 'win32') return
    for (let path = folder; path.length >= first.length; path = dirname(path)) await sync(dirname(path))
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new BlobStoreError(
      'MetadataFailed',
      `Cannot create "${basename(folder)}", the folder of the SQLite file: ${reasonOf(code)}`,
      {
        cause: error,
      },
    )
  }
}

async function sync(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function reasonOf(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `the user that runs this process may not write above it (${code})`
    case 'EROFS':
      return 'the file system is read-only (EROFS)'
    case 'EEXIST':
    case 'ENOTDIR':
    case 'ENOENT':
    case 'ELOOP':
      return `something that is not a folder, or a symbolic link to a missing target, has its name (${code}). Is its volume mounted?`
    default:
      return `the file system refused (${code})`
  }
}
