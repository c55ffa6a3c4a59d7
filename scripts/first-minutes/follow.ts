import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../../test/servers/free-port.ts'
import { run, type Workshop } from '../check-package/workshop.ts'
import { type Manager, translated } from './managers.ts'
import type { FirstMinutes } from './readme.ts'

/** Does what the README says, and returns how long each part took. @throws with what differed */
export async function follow(told: FirstMinutes, manager: Manager, { folder, tarball }: Workshop): Promise<string> {
  const here = join(folder, `with-${manager.name}`)
  mkdirSync(here)
  const start = performance.now()
  let installed = 0
  const types: string[] = []
  for (const command of told.commands) {
    const [program = '', ...args] = translated(command, manager, tarball)
    if (command === 'node server.mts') {
      await serve(told, here, program, args)
      continue
    }
    const before = performance.now()
    const output = await run(program, args, here)
    if (command.startsWith('npm install')) installed += performance.now() - before
    if (command === 'npm init -y') saveFiles(told, here)
    if (command === 'node example.mts') assertSame('example.mts printed', output, told.output)
    if (command === 'npx tsc') types.push('types checked')
  }
  const all = seconds(performance.now() - start)
  return `${all} to a served picture, ${seconds(installed)} of it installing; ${told.picture.length} bytes, the same; ${types}`
}

/** Everything is saved in an empty folder with npm's own `package.json`: CommonJS, without `type`, or with it. */
function saveFiles({ files }: FirstMinutes, here: string): void {
  const { type = 'commonjs' } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  assertSame('The type that npm init writes', type, 'commonjs')
  for (const [name, text] of Object.entries(files)) writeFileSync(join(here, name), text)
}

async function serve(told: FirstMinutes, cwd: string, program: string, args: readonly string[]): Promise<void> {
  const port = await freePort()
  const env = { ...process.env, PORT: String(port) }
  const server = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  server.stderr.on('data', (text) => {
    complaints += text
  })
  const ended = once(server, 'exit')
  try {
    const response = await fetched(told.address.replace(':2583/', `:${port}/`), server)
    const bytes = Buffer.from(await response.arrayBuffer())
    assertSame('The status of getBlob', response.status, 200)
    assertSame('The picture', bytes.toString('base64'), told.picture.toString('base64'))
    const headers = { authorization: 'Bearer secret', 'content-type': 'image/gif' }
    const upload = `http://localhost:${port}/xrpc/com.atproto.repo.uploadBlob`
    const uploaded = await fetch(upload, { method: 'POST', headers, body: told.picture })
    assertSame('The status of uploadBlob', uploaded.status, 200)
    server.kill('SIGINT')
    const [code] = await Promise.race([ended, setTimeout(10_000, ['still running'], { ref: false })])
    assertSame('The exit status of the server', code, 0)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${complaints}`)
  } finally {
    server.kill('SIGKILL')
  }
}

/** The first response, as soon as the server listens. */
async function fetched(address: string, server: ChildProcess): Promise<Response> {
  for (const deadline = performance.now() + 20_000; ; await setTimeout(50)) {
    try {
      return await fetch(address)
    } catch (error) {
      if (server.exitCode !== null || performance.now() > deadline) throw error
    }
  }
}

function assertSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`)
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`
