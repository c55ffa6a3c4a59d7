import { BlobStoreError } from '../errors.ts'

/** How long to wait for a connection, in milliseconds. */
const connectionTimeout = 5000

/**
 * Runs something on a connection. `execute` obtains the connection, and calls `start` when it has one. Kysely over
 * SQLite has one connection: a call without `trx` inside the host's transaction would wait for that transaction, which
 * waits for the call. Throws instead of waiting for ever.
 *
 * @throws `MetadataBusy`
 */
export async function withConnectionTimeout<T>(execute: (start: () => void) => Promise<T>): Promise<T> {
  let state: 'waiting' | 'running' | 'abandoned' = 'waiting'
  let timer: NodeJS.Timeout | undefined
  const impatient = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      if (state !== 'waiting') return
      state = 'abandoned'
      reject(noConnection())
    }, connectionTimeout)
  })
  const work = execute(() => {
    clearTimeout(timer)
    // A connection that comes too late is released at once, unused.
    if (state === 'abandoned') throw noConnection()
    state = 'running'
  })
  work.catch(() => {}) // after the timeout nothing else handles its rejection
  try {
    return await Promise.race([work, impatient])
  } finally {
    clearTimeout(timer)
  }
}

function noConnection(): BlobStoreError {
  return new BlobStoreError(
    'MetadataBusy',
    `No database connection became free within ${connectionTimeout / 1000} s. Was the call made inside a transaction of the ` +
      'host? On SQLite it has the only connection: pass it as `trx`. Calls that take no `trx`, as upload does, and ready() ' +
      'belong before the transaction. Otherwise the database is overloaded',
    { transient: true },
  )
}
