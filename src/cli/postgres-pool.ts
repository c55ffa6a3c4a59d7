import type { Pool } from 'pg'
import { UsageError } from './command.ts'

/**
 * Loads pg, and gives what makes a pool of connections. The server may cut them, as at a failover: the query under way fails,
 * and the next one opens another. pg also emits an event then, which ends the process where it is not listened to.
 *
 * @throws `UsageError` where pg is not installed
 */
export async function loadPostgres(): Promise<(connectionString: string) => Pool> {
  const { default: pg } = await import('pg').catch(() => {
    throw new UsageError('--postgres needs the package pg: npm install pg')
  })
  return (connectionString) => {
    const pool = new pg.Pool({ connectionString, max: 8 })
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    return pool
  }
}
