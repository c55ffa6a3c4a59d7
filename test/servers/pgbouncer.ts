import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'

const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }

/** Whether it can be started here. With REQUIRE_PROXIES=1, as in CI, the test fails where it is missing. */
export function hasPgBouncer(): boolean {
  if (process.env.REQUIRE_PROXIES === '1') return true
  return spawnSync('sh', ['-c', 'command -v pgbouncer'], { env }).status === 0
}

export interface Bouncer extends AsyncDisposable {
  /** Of a database of the server, through it. */
  urlOf(database: string): string
}

/** PgBouncer in transaction mode before a server, with so few connections that clients share each of them. */
export async function startPgBouncer(server: string, connections: number): Promise<Bouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-pgbouncer-'))
  const end = guard(folder)
  const port = await freePort()
  const { hostname, port: serverPort, username, password } = new URL(server)
  const file = join(folder, 'pgbouncer.ini')
  const users = join(folder, 'users.txt')
  writeFileSync(users, `"${username}" "${password}"\n`)
  writeFileSync(
    file,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${connections}
max_client_conn = 500
`,
  )
  // Never as root.
  let identity = {}
  if (userInfo().uid === 0) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' })))
    identity = { uid, gid }
    chmodSync(folder, 0o711)
    for (const path of [file, users]) chownSync(path, uid as number, gid as number)
  }
  const bouncer = spawn('pgbouncer', ['-q', file], { ...identity, env, cwd: folder, stdio: 'ignore' })
  const urlOf = (database: string) => `postgres://${username}:${password}@127.0.0.1:${port}/${database}`
  for (let left = 100; ; left--) {
    const client = new pg.Client(urlOf('postgres'))
    const isThere = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => {})
    if (isThere) return { urlOf, [Symbol.asyncDispose]: end }
    if (left === 0 || bouncer.exitCode !== null) {
      await end()
      throw new Error('PgBouncer does not start')
    }
    await setTimeout(50)
  }
}
