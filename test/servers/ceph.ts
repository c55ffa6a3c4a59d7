import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type CephShape, cephConfig, light } from './ceph-config.ts'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'

const run = promisify(execFile)

export interface S3Address {
  /** `http://127.0.0.1:<port>` */
  endpoint: string
  accessKeyId: string
  secretAccessKey: string
}

export const cephPackages = 'radosgw ceph-mon ceph-osd ceph-common'

/** Whether its programs are installed. */
export function hasCeph(shape: CephShape = light): boolean {
  const programs = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'ceph', 'ceph-authtool', 'monmaptool']
  if (shape.manager) programs.push('ceph-mgr')
  const folders = (process.env.PATH ?? '').split(delimiter)
  return programs.every((program) => folders.some((folder) => existsSync(join(folder, program))))
}

/**
 * A Ceph cluster with an S3 gateway, as plain processes in a temporary folder, on free ports. It ends with `stop`, and
 * with this process, however that ends.
 */
export class Ceph {
  readonly s3: S3Address
  readonly #folder: string
  readonly #shape: CephShape
  readonly #processes = new Map<string, ChildProcess>()
  readonly #end: () => Promise<void>

  /** Another process may take a port between the check and its use, so it tries more than once. */
  static async start(shape: CephShape = light): Promise<Ceph> {
    for (let attempt = 1; ; attempt++) {
      const ceph = new Ceph(shape, await freePort())
      try {
        await ceph.#start()
        return ceph
      } catch (error) {
        const why = ceph.#lastWords()
        await ceph.stop()
        if (attempt === 3) throw new Error(`Ceph did not start\n${why}`, { cause: error })
      }
    }
  }

  private constructor(shape: CephShape, port: number) {
    this.#shape = shape
    this.#folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-ceph-'))
    this.#end = guard(this.#folder)
    const [accessKeyId, secretAccessKey] = ['test-access', randomUUID()]
    this.s3 = { endpoint: `http://127.0.0.1:${port}`, accessKeyId, secretAccessKey }
  }

  stop(): Promise<void> {
    return this.#end()
  }

  /** kill -9, of `gateway` or `osd.<n>`. Resolves when it is dead. */
  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  async startGateway(): Promise<void> {
    this.#spawn('gateway', 'radosgw', '-f', '-n', 'client.rgw')
    await this.#until('the gateway answers', async () => {
      await (await fetch(this.s3.endpoint)).arrayBuffer()
      return true
    })
  }

  startOsd(id: number): void {
    this.#spawn(`osd.${id}`, 'ceph-osd', '-f', '-i', String(id))
  }

  /** Resolves when every placement group has all its copies again. */
  async healthy(): Promise<void> {
    await this.#until(
      'every copy is there again',
      async () => {
        const { stdout } = await this.#run('ceph', 'status', '-f', 'json')
        const { pgmap, osdmap } = JSON.parse(stdout)
        const clean = pgmap.pgs_by_state.filter((one: { state_name: string }) => one.state_name === 'active+clean')
        return osdmap.num_up_osds === this.#shape.osds && clean.length === pgmap.pgs_by_state.length
      },
      240,
    )
  }

  async #start(): Promise<void> {
    const folder = this.#folder
    const osds = Array.from({ length: this.#shape.osds }, (_, id) => id)
    for (const name of ['run', 'log', 'mon', 'mgr', 'rgw', ...osds.map((id) => `osd.${id}`)]) {
      await mkdir(join(folder, name))
    }
    const [id, monitor] = [randomUUID(), await freePort()]
    const gateway = Number(new URL(this.s3.endpoint).port)
    await writeFile(this.#config, cephConfig(folder, id, { monitor, gateway }, this.#shape))
    const [keyring, map] = [join(folder, 'keyring'), join(folder, 'monmap')]
    await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *'])
    const caps = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *', '--cap', 'mgr', 'allow *']
    await run('ceph-authtool', [keyring, '--gen-key', '-n', 'client.admin', ...caps])
    await run('monmaptool', ['--create', '--fsid', id, '--addv', 'a', `[v2:127.0.0.1:${monitor}]`, map])
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
    this.#spawn('mon', 'ceph-mon', '-f', '-i', 'a')
    await Promise.all(osds.map((osd) => this.#makeOsd(osd)))
    if (this.#shape.manager) this.#spawn('mgr', 'ceph-mgr', '-f', '-i', 'x')
    const { accessKeyId, secretAccessKey } = this.s3
    const keys = [`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`]
    await this.#run('radosgw-admin', 'user', 'create', '--uid=test', '--display-name=test', ...keys)
    await this.startGateway()
  }

  async #makeOsd(id: number): Promise<void> {
    const uuid = randomUUID()
    await this.#run('ceph', 'osd', 'new', uuid, String(id))
    await this.#run('ceph-osd', '-i', String(id), '--mkfs', '--osd-uuid', uuid)
    this.startOsd(id)
  }

  get #config(): string {
    return join(this.#folder, 'ceph.conf')
  }

  #run(program: string, ...args: string[]): Promise<{ stdout: string }> {
    return run(program, ['-c', this.#config, ...args], { timeout: 60_000, killSignal: 'SIGKILL' })
  }

  #spawn(name: string, program: string, ...args: string[]): void {
    const log = openSync(join(this.#folder, 'log', `${name}.out`), 'a')
    const child = spawn(program, ['-c', this.#config, ...args], { stdio: ['ignore', log, log] })
    closeSync(log)
    child.unref()
    this.#processes.set(name, child)
  }

  async #until(what: string, check: () => Promise<boolean>, seconds = 60): Promise<void> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(50)) {
      if (await check().catch(() => false)) return
      const dead = [...this.#processes].find(([name, child]) => name === 'gateway' && child.exitCode !== null)
      if (dead) throw new Error('The gateway ended by itself')
    }
    throw new Error(`Not so after ${seconds} s: ${what}`)
  }

  #lastWords(): string {
    const lines = [...this.#processes.keys()].map((name) => {
      const file = join(this.#folder, 'log', `${name}.out`)
      return `${name}: ${existsSync(file) ? readFileSync(file, 'utf8').slice(-500) : 'no output'}`
    })
    return lines.join('\n')
  }
}
