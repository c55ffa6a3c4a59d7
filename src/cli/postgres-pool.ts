import type { Pool } from 'pg'
import { missingPackage } from './optional-package.ts'

/**
 * Loads pg, and returns a function that creates a connection pool. When the server closes connections, as at a
 * failover, the running query fails, and the next one opens another connection. pg also emits an error event then,
 * which ends the process unless there is a listener.
 *
 * @throws `UsageError` if pg is not installed
 */
export async function loadPostgres(): Promise<(connectionString: string) => Pool> {
  const pg = await loadPg()
  return (connectionString) => {
    const pool = new pg.Pool({ connectionString, max: 8 })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    return pool
  }
}

/** Within `try`, because bundlers then accept that the package is not installed. */
async function loadPg(): Promise<Pick<typeof import('pg'), 'Pool'>> {
  try {
    return (await import('pg')).default
  } catch (error) {
    throw missingPackage('--postgres', 'pg', error)
  }
}
