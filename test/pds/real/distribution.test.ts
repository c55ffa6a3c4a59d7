import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../examples/pds/free-port.ts'
import { layOut } from '../distribution/layout.ts'
import { adminPassword, describeWithPds, Network, Person } from './network.ts'

// The official distribution without docker: its layout in a folder, an entry that does not know this store, and what
// examples/pds-distribution adds to the environment.

const versions = ['0.4.217', '0.5.35'] as const

describeWithPds('a PDS of the distribution', () => {
  const network = new Network()
  let apps: Map<string, string>

  beforeAll(async () => {
    apps = await layOut(await network.folder(), versions)
  }, 600_000)

  describe.each(versions)('@atproto/pds %s', (version) => {
    test.each(['index.cjs', 'index.mjs'])(
      'gets the store from its environment alone: %s',
      { timeout: 180_000 },
      async (entry) => {
        const data = await network.folder()
        const pds = await start(version, entry, data, storeIn(data))
        await pds.said('started')
        expect(pds.output()).toContain('The blob store is attached to the PDS')
        const alice = await new Person(pds.url).signUp()
        const bytes = randomBytes(70_000)
        const blob = await alice.upload(bytes)
        expect(await alice.read(blob)).toBeNull()
        await alice.write(blob)
        expect((await alice.read(blob))?.equals(bytes)).toBe(true)
        expect((await fetch(`${pds.url}/tls-check?domain=a.test`)).status).toBe(200)
        expect(existsSync(join(data, 'its-own-blobs')) ? await readdir(join(data, 'its-own-blobs')) : []).toEqual([])
        pds.process.kill('SIGTERM')
        expect(await pds.ended).toBe(0)
        expect(pds.output()).toContain('stopped')
        // Closed, not only killed: SQLite has copied its log into the file.
        expect(existsSync(join(data, 'store.sqlite-wal'))).toBe(false)
      },
    )

    test('does not start without a place for the store, or with an incomplete one, and says why', {
      timeout: 180_000,
    }, async () => {
      const data = await network.folder()
      for (const [env, words] of [
        [{}, 'BLOBSTORE_DISK'],
        [{ BLOBSTORE_DISK: join(data, 'store') }, 'BLOBSTORE_SQLITE'],
        [{ ...storeIn(data), BLOBSTORE_LIMITS: 'mine' }, 'BLOBSTORE_LIMITS must be pds or store'],
      ] as const) {
        const pds = await start(version, 'index.cjs', data, env)
        expect(await pds.ended).toBe(1)
        expect(pds.output()).toContain('pds-blobstore/register')
        expect(pds.output()).toContain(words)
      }
    })
  })

  test('register leaves every other program alone', { timeout: 60_000 }, async () => {
    const app = apps.get(versions[0]) as string
    const program = spawn(process.execPath, ['-e', 'console.log(1 + 1)'], { cwd: app, env: registered({}) })
    let output = ''
    program.stdout.on('data', (text) => {
      output += text
    })
    expect(await endOf(program)).toBe(0)
    expect(output).toBe('2\n')
  })

  async function start(version: string, entry: string, data: string, env: Record<string, string>) {
    const port = await freePort()
    await mkdir(data, { recursive: true })
    const { url: plcUrl } = await network.plc()
    const variables = { ...pdsIn(data, port, plcUrl), ...env }
    const child = spawn(process.execPath, [entry], { cwd: apps.get(version), env: registered(variables) })
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text
      })
    }
    const ended = endOf(child)
    const said = async (word: string) => {
      const deadline = Date.now() + 120_000
      while (!output.includes(word)) {
        if (child.exitCode !== null || Date.now() > deadline) throw new Error(`It did not say ${word}: ${output}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    return { process: child, url: `http://localhost:${port}`, ended, said, output: () => output }
  }
})

const endOf = (child: ChildProcess) => new Promise<number | null>((resolve) => void child.once('exit', resolve))

/** The environment of the machine, except variables for this process, and the one line of the example. */
function registered(variables: Record<string, string>): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, NODE_OPTIONS: '--import=pds-blobstore/register', ...variables }
}

const storeIn = (data: string) => ({
  BLOBSTORE_DISK: join(data, 'store'),
  BLOBSTORE_SQLITE: join(data, 'store.sqlite'),
})

const pdsIn = (data: string, port: number, plcUrl: string) => ({
  PDS_DEV_MODE: 'true',
  PDS_HOSTNAME: 'localhost',
  PDS_PORT: String(port),
  PDS_DATA_DIRECTORY: data,
  PDS_BLOBSTORE_DISK_LOCATION: join(data, 'its-own-blobs'),
  PDS_DID_PLC_URL: plcUrl,
  PDS_SERVICE_HANDLE_DOMAINS: '.test',
  PDS_INVITE_REQUIRED: 'false',
  PDS_RATE_LIMITS_ENABLED: 'false',
  PDS_DISABLE_SSRF_PROTECTION: 'true',
  PDS_ADMIN_PASSWORD: adminPassword,
  PDS_JWT_SECRET: 'a secret of this test',
  PDS_DPOP_SECRET: '7'.repeat(64),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: '1'.repeat(64),
})
