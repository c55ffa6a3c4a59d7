import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Where tests find PostgreSQL: a URL. If it is set, that server is used and none is started. */
export const postgresVariable = 'TEST_POSTGRES'

const patience = 60_000

/**
 * Starts PostgreSQL in a separate process group, beside a keeper that stops it, and removes its files, when the pipe
 * from this process closes. That also happens when this process is killed.
 */
export async function startPostgres(): Promise<() => Promise<void>> {
  if (process.env[postgresVariable]) return async () => {}
  const keeper = spawn(process.execPath, [fileURLToPath(new URL('postgres-keeper.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(keeper, 'exit')
  const deadline = setTimeout(() => keeper.stdin.end(), patience)
  const stop = async () => {
    keeper.stdin.end()
    await ended
  }
  try {
    const [url] = await Promise.race([
      once(createInterface(keeper.stdout), 'line'),
      ended.then(([code]) => Promise.reject(new Error(`PostgreSQL did not start (status ${code})`))),
    ])
    process.env[postgresVariable] = url
    return stop
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(deadline)
  }
}
