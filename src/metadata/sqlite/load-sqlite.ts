import { BlobStoreError } from '../../errors.ts'
import { requireFrom } from '../../node-require.ts'
import { isError } from '../../shapes.ts'

export type Sqlite = typeof import('better-sqlite3')

/**
 * Loads better-sqlite3, an optional dependency: only SQLite files need it.
 *
 * @param what needs it, for the message
 * @throws `MetadataFailed` if it is not installed, or does not run here
 */
export async function loadSqlite(what: string): Promise<Sqlite> {
  assertNodeApi()
  try {
    // Within `try`, because bundlers then accept that it is not installed.
    const { default: Sqlite } = await import('better-sqlite3')
    new Sqlite(':memory:').close() // opening the first database loads the native library
    return Sqlite
  } catch (cause) {
    const why = isMissing(cause)
      ? 'which is not installed: npm install better-sqlite3'
      : `which cannot be loaded: ${firstLine(cause)}. If a bundler has included it, mark it as external`
    throw new BlobStoreError('MetadataFailed', `${what} needs the package better-sqlite3, ${why}`, { cause })
  }
}

/** The file that this better-sqlite3 was loaded from; null if it is part of a bundle, or of another module system. */
export function fileOf(sqlite: Sqlite): string | null {
  const { cache } = requireFrom(process.execPath)
  return Object.keys(cache).find((file) => cache[file]?.exports === sqlite) ?? null
}

function isMissing(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && /['"]better-sqlite3['"]/.test(message)
}

/** better-sqlite3 13 ends the process, without a message, on a Node that is too old for it. */
function assertNodeApi(): void {
  if (Number(process.versions.napi) >= 10) return
  throw new BlobStoreError(
    'MetadataFailed',
    `better-sqlite3 13 needs Node 22.14 or later (Node-API 10); this is Node ${process.versions.node}`,
  )
}

/** Node lists the modules that required it on further lines. */
function firstLine(error: unknown): string {
  return (isError(error) ? error.message : String(error)).split('\n', 1)[0] as string
}
