import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import { printable } from '../printable.ts'
import { isError } from '../shapes.ts'

// The codes of better-sqlite3 and node:sqlite (which has only the message), and the SQLSTATEs of PostgreSQL.

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''

const messageOf = (error: unknown): string => (isError(error) ? error.message : '')

/** Another transaction was in the way: a retry may succeed. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return true
  if (messageOf(error).startsWith('database is locked')) return true
  return code === '40001' || code === '40P01' || code === '55P03'
}

/** What was read has changed since. Thrown where no constraint of the database reports it. */
export class LostRace extends Error {
  override readonly name = 'LostRace'
}

/**
 * A unique or foreign key refused it. Every transaction reads before it writes, so another one came in between. The
 * database keeps the invariant; reading again, in a new transaction, shows the new state.
 */
export function isLostRace(error: unknown): boolean {
  if (error instanceof LostRace) return true
  const code = codeOf(error)
  if (code.startsWith('SQLITE_CONSTRAINT')) return true
  if (/^(UNIQUE|FOREIGN KEY) constraint failed/.test(messageOf(error))) return true
  return code === '23505' || code === '23503'
}

/** The connection broke, or there was none: if the statement was a commit, its effect is unknown. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error)
  if (/^(ECONN|ENET|EHOST|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_)/.test(code)) return true
  // The server ends it: a shutdown, a crash, a session or transaction that was idle or open for longer than allowed.
  if (code.startsWith('08') || /^57P0[1-5]$/.test(code) || /^25P0[34]$/.test(code)) return true
  return /^(Connection terminated|Client has encountered|Client was closed|Query read timeout|timeout e|Postgres connection)/i.test(
    messageOf(error),
  )
}

/**
 * Whether a transaction that failed so has certainly not been committed, and will not be: the database said so itself. The
 * error is the library's.
 */
export function isUndone(error: unknown): boolean {
  if (!isBlobStoreError(error) || error.code === 'MetadataUnsafe') return false
  if (error.code !== 'MetadataFailed') return true
  const { cause } = error
  const code = codeOf(cause)
  if (code.startsWith('SQLITE_')) return !/^SQLITE_(IOERR|NOMEM)/.test(code)
  if (code === 'ERR_SQLITE_ERROR')
    return ((cause as { errcode?: number }).errcode ?? sqliteIoError) % 256 !== sqliteIoError
  // An SQLSTATE that came from the server, which ends no connection by it and says nothing of a failure of its own.
  const isAnswer = typeof (cause as { severity?: unknown } | undefined)?.severity === 'string'
  return isAnswer && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|58|XX|25P0[34]|40003)/.test(code)
}

/** SQLITE_IOERR, whose extended codes have it as their lowest byte. */
const sqliteIoError = 10

/**
 * A PostgreSQL standby, which may be promoted at any moment, or a server that was set to read-only. A standby refuses
 * to begin a writing transaction with "feature not supported", in the server's language: recognized by the function
 * name in the error.
 */
function isReadOnly(error: unknown): boolean {
  const code = codeOf(error)
  if (code === '25006') return true
  return code === '0A000' && (error as { routine?: unknown }).routine === 'call_bool_check_hook'
}

/** The database's role lacks the right. The error is the library's. */
export function isForbidden(error: unknown): error is BlobStoreError {
  return isBlobStoreError(error) && codeOf(error.cause) === '42501'
}

/** A function or its schema is gone, or the role may not call it. The error is the library's. */
export function isUncallable(error: unknown): boolean {
  return isBlobStoreError(error) && ['42883', '3F000', '42501'].includes(codeOf(error.cause))
}

/** Turns the driver's error into the library's. */
export function metadataError(error: unknown): unknown {
  if (isBlobStoreError(error)) return error
  if (!isError(error) || error.name === 'AbortError') return error
  if (isBusy(error) || isLostRace(error)) {
    return new BlobStoreError('MetadataBusy', 'Other transactions stayed in the way; try again', {
      transient: true,
      cause: error,
    })
  }
  const code = codeOf(error)
  if (code === 'SQLITE_FULL' || code === '53100') {
    return new BlobStoreError('StorageFull', "The database's device is full; free some space and try again", {
      cause: error,
    })
  }
  const said = printable(messageOf(error), 200)
  if (isReadOnly(error)) {
    return new BlobStoreError(
      'MetadataFailed',
      `The database accepts no writes: ${said}. Is this the primary? It may be about to become it; try again`,
      { transient: true, cause: error },
    )
  }
  if (code === '57014') {
    return new BlobStoreError('MetadataBusy', `The database cancelled a statement: ${said}; try again`, {
      transient: true,
      cause: error,
    })
  }
  if (code === '53300') {
    return new BlobStoreError('MetadataBusy', `The database accepts no more connections: ${said}`, {
      transient: true,
      cause: error,
    })
  }
  if (code === '25P02') {
    return new BlobStoreError(
      'MetadataFailed',
      'The transaction given as `trx` had failed already, and can only be rolled back',
      { cause: error },
    )
  }
  return new BlobStoreError('MetadataFailed', `The database failed: ${said}${hintOn(code, said)}`, {
    transient: code === 'SQLITE_IOERR' || code === '58030' || isConnectionLost(error),
    cause: error,
  })
}

/** What to check, if the driver's message does not say it. */
function hintOn(code: string, said: string): string {
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY')) {
    return '. Is the path right, and may the user that runs the process write to the file and to its folder?'
  }
  if (code === 'SQLITE_NOTADB') return '. Is the path that of the database?'
  if (code === 'SQLITE_ERROR' && said.startsWith('no such table: blobstore_')) {
    return '. Is `trx` a transaction of the database that the store was given?'
  }
  return ''
}
