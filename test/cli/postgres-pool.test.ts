import { expect, onTestFinished, test } from 'vitest'
import { loadPostgres } from '../../src/cli/postgres-pool.ts'
import { postgresUrl } from '../support/postgres.ts'

// Fails without the listeners for idle connections and for those in use: vitest reports an uncaught error, which would
// end a PDS with `pds-blobstore/register`.
test('connections that the server cuts, idle or amid a transaction, do not end the process', async () => {
  const poolOf = await loadPostgres()
  const [pool, other] = [poolOf(postgresUrl()), poolOf(postgresUrl())]
  onTestFinished(async () => {
    await Promise.all([pool.end(), other.end()])
  })
  const pidOf = async () => (await pool.query('select pg_backend_pid() as pid')).rows[0].pid as number
  const cut = (pid: number) => other.query('select pg_terminate_backend($1)', [pid])

  const idle = await pidOf()
  const gone = new Promise((resolve) => pool.once('remove', resolve))
  await cut(idle)
  await gone
  const used = await pool.connect()
  const { pid } = (await used.query('select pg_backend_pid() as pid')).rows[0]
  expect(pid).not.toBe(idle)
  await used.query('begin')
  const ended = new Promise((resolve) => used.once('end', resolve))
  await cut(pid)
  await ended
  await expect(used.query('select 1')).rejects.toThrow()
  used.release(true)
  expect(await pidOf()).not.toBe(pid)
})
