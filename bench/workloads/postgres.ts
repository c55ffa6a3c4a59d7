import { join } from 'node:path'
import { postgresVariable, startPostgres } from '../../test/servers/postgres.ts'
import { openStore } from '../contenders/ours.ts'
import { openPostgresParts } from '../contenders/parts/postgres-parts.ts'
import { DiskBackend, kyselyMetadata } from '../library.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { check } from './check.ts'
import type { Workload } from './workload.ts'

const size = 50 * 1024

/** With the metadata in PostgreSQL, on this machine and without its fsync: the cost of the round trips. */
export const postgresWorks: Workload[] = [1, 16].map((lanes) => ({
  name: `postgres-50k-${lanes}`,
  title: `Upload of 50 KiB, ${lanes === 1 ? 'one at a time' : `${lanes} at once`}, metadata in PostgreSQL without fsync`,
  contenders: ['ours-relaxed', 'ours-statements', 'postgres-parts'],
  when: 'full',
  async run(name, { folder, seconds, scale }) {
    const [{ Kysely, PostgresDialect }, { Pool }] = await Promise.all([import('kysely'), import('pg')])
    const stop = await startPostgres()
    const pool = new Pool({ connectionString: process.env[postgresVariable], max: 16 })
    try {
      pool.on('error', () => {}) // the server ends first
      const db = new Kysely<Record<string, never>>({ dialect: new PostgresDialect({ pool }) })
      const store = await openStore(
        new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
        kyselyMetadata(db, { durability: 'relaxed', functions: name !== 'ours-statements' }),
      )
      const contender = name === 'postgres-parts' ? await openPostgresParts(pool, join(folder, 'files')) : store
      const blobs = new Blobs(size, Math.ceil(4000 * scale))
      const { figures, results } = await measure({ lanes, seconds, most: blobs.count }, (number) =>
        contender.upload({ did: accountOf(number), size, body: blobs.body(number) }),
      )
      await check(contender, blobs, results)
      await store.close()
      return figures
    } finally {
      await pool.end()
      await stop()
    }
  },
}))
