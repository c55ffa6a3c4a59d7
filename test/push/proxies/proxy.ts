import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from '../../servers/free-port.ts'

export type ProxyName = 'caddy' | 'nginx' | 'haproxy'

/** Whether it can be started here. With REQUIRE_PROXIES=1, as in CI, a missing one fails the test. */
export function isInstalled(name: ProxyName): boolean {
  if (process.env.REQUIRE_PROXIES === '1') return true
  return spawnSync('sh', ['-c', `command -v ${name}`], { env: environment }).status === 0
}

const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
const page = new URL('../../../docs/proxies.md', import.meta.url)

export interface Proxy {
  origin: string
  /**
   * From now on forwards to these ports alone, where only the operator can configure that; others check the processes'
   * health.
   */
  use(ports: readonly number[]): Promise<void>
}

/**
 * A proxy in front of these ports, with the file in docs/proxies.md, and other ports, paths and certificates. With
 * `root`, nginx or Caddy sends large blobs from there itself.
 */
export async function startProxy(name: ProxyName, ports: readonly number[], root?: string): Promise<Proxy> {
  const dir = await mkdtemp(join(tmpdir(), `pds-blobstore-${name}-`))
  const port = await freePort()
  const config = join(dir, name === 'caddy' ? 'Caddyfile' : `${name}.conf`)
  const block = new RegExp(`^\`\`\`${name}\n(.*?)^\`\`\``, 'ms').exec(await readFile(page, 'utf8'))?.[1]
  if (block === undefined) throw new Error(`docs/proxies.md has no file for ${name}`)
  if (name !== 'caddy') await certificate(dir)
  const text = root === undefined ? block : withFiles(name, block, await readFile(page, 'utf8'), root)
  const write = (some: readonly number[]) => writeFile(config, texts[name](text, { dir, port, ports: some }))
  await write(ports)
  const child = spawn(name, commands[name](config), {
    env: { ...environment, HOME: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += chunk))
  onTestFinished(async () => {
    await stop(child)
    await rm(dir, { recursive: true })
  })
  await listening(port, child, () => said)
  return {
    origin: `${name === 'caddy' ? 'http' : 'https'}://127.0.0.1:${port}`,
    async use(some) {
      if (name !== 'nginx') return
      await write(some)
      child.kill('SIGHUP')
      await new Promise((resolve) => setTimeout(resolve, 2000)) // it does not report when it has
    },
  }
}

/** With what docs/proxies.md adds to the file, so that the proxy sends large blobs. */
function withFiles(name: ProxyName, block: string, text: string, root: string): string {
  const [pattern, before] =
    name === 'nginx'
      ? [/^ {2}location \/pds-blobs\/ \{\n.*?^ {2}\}\n/ms, '  location /xrpc/ {']
      : [/^\t\t@file .*?^\t\t\}\n/ms, '\t\thealth_uri']
  const lines = pattern.exec(text)?.[0]
  if (lines === undefined) throw new Error(`docs/proxies.md has no lines for files of ${name}`)
  return replace(block, [[before, `${replace(lines, [['/var/lib/pds/blobs', root]])}${before}`]])
}

interface Setting {
  dir: string
  port: number
  ports: readonly number[]
}

const commands: Record<ProxyName, (config: string) => string[]> = {
  caddy: (config) => ['run', '--config', config, '--adapter', 'caddyfile'],
  nginx: (config) => ['-c', config, '-e', 'stderr'],
  haproxy: (config) => ['-f', config, '-W'],
}

const texts: Record<ProxyName, (block: string, setting: Setting) => string> = {
  caddy: (block, { port, ports }) =>
    `{\n admin off\n auto_https off\n}\n${replace(block, [
      ['pds.example, *.pds.example', `http://127.0.0.1:${port}`],
      ['127.0.0.1:2583', ports.map((one) => `127.0.0.1:${one}`).join(' ')],
    ])}`,

  nginx(block, { dir, port, ports }) {
    const server = replace(block, [
      ['listen 443', `listen 127.0.0.1:${port}`],
      ['/etc/letsencrypt/live/blobs.pds.example/fullchain.pem', join(dir, 'pem')],
      ['/etc/letsencrypt/live/blobs.pds.example/privkey.pem', join(dir, 'pem')],
      [/server 127.0.0.1:2583 (.*?;)/, ports.map((one) => `server 127.0.0.1:${one} $1`).join('\n')],
      // The tests are one address, and in a hurry.
      ['rate=20r/s', 'rate=10000r/s'],
      ['burst=50', 'burst=10000'],
      ['limit_conn connections 20', 'limit_conn connections 1000'],
    ])
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${dir}/${kind};`,
    )
    // As root its workers would be another user, who may not enter the folder.
    const user = process.getuid?.() === 0 ? 'user root;\n' : ''
    return `${user}daemon off;\npid ${dir}/pid;\nevents {}\nhttp {\naccess_log off;\nerror_log stderr;\n${paths.join('\n')}\n${server}\n}`
  },

  haproxy(block, { dir, port, ports }) {
    return replace(block, [
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['/etc/haproxy/certs/', join(dir, 'pem')],
      [/ {2}server pds1 127.0.0.1:2583(.*)/, ports.map((one, i) => `  server pds${i} 127.0.0.1:${one}$1`).join('\n')],
    ])
  },
}

function replace(text: string, pairs: readonly (readonly [string | RegExp, string])[]): string {
  let result = text
  for (const [from, to] of pairs) {
    const next = result.replace(from, to)
    if (next === result) throw new Error(`docs/proxies.md has no "${from}" any more: what should the test change?`)
    result = next
  }
  return result
}

/** Self-signed, with its key in the same file, as HAProxy requires and nginx accepts. */
async function certificate(dir: string): Promise<void> {
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1']
  const { status, stderr } = spawnSync('openssl', ['req', ...made, '-keyout', key, '-out', cert])
  if (status !== 0) throw new Error(`openssl: ${stderr}`)
  await writeFile(join(dir, 'pem'), (await readFile(key, 'utf8')) + (await readFile(cert, 'utf8')))
}

async function listening(port: number, child: ChildProcess, said: () => string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (child.exitCode !== null) throw new Error(`The proxy ended: ${said()}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`The proxy does not listen: ${said()}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}
