import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { transformSync } from 'esbuild'
import { freePort } from '../../../test/servers/free-port.ts'
import { type Check, manifest, project, run } from '../workshop.ts'

/** As docs/toolchains.md has them. */
const builds = {
  Turbopack: { args: [], config: {} },
  webpack: {
    args: ['--webpack'],
    config: {
      serverExternalPackages: ['pds-blobstore'],
      outputFileTracingIncludes: { '/**': ['./node_modules/pds-blobstore/dist/*-worker.mjs'] },
    },
  },
}

export const next: Check = {
  name: 'a route handler of Next.js, built to be deployed without node_modules, stores and reads a blob and writes a backup, and the recipe of the manual takes an upload',
  async run(workshop) {
    const folder = await workshop.install('next', { [manifest.name]: 'file:', next: '*', react: '*', 'react-dom': '*' })
    mkdirSync(join(folder, 'app/blob'), { recursive: true })
    copyFileSync(join(import.meta.dirname, 'route.js'), join(folder, 'app/blob/route.js'))
    mkdirSync(join(folder, 'app/xrpc/[method]'), { recursive: true })
    writeFileSync(join(folder, 'app/xrpc/[method]/route.js'), recipe())
    writeFileSync(
      join(folder, 'app/layout.js'),
      'export default ({ children }) => <html lang="en"><body>{children}</body></html>',
    )
    const cli = join(folder, 'node_modules/next/dist/bin/next')
    for (const [name, { args, config }] of Object.entries(builds)) {
      const settings = { output: 'standalone', outputFileTracingRoot: folder, ...config }
      writeFileSync(join(folder, 'next.config.mjs'), `export default ${JSON.stringify(settings)}`)
      rmSync(join(folder, '.next'), { recursive: true, force: true })
      await run(process.execPath, [cli, 'build', ...args], folder, { NEXT_TELEMETRY_DISABLED: '1' })
      renameSync(join(folder, 'node_modules'), join(folder, 'moved'))
      try {
        await tryServer(folder)
      } catch (cause) {
        throw new Error(`Built with ${name}: ${cause}`, { cause })
      } finally {
        renameSync(join(folder, 'moved'), join(folder, 'node_modules'))
      }
    }
    const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/next/package.json'), 'utf8'))
    return `Next.js ${version}, built with ${Object.keys(builds).join(' and ')}`
  },
}

/** The route handler of docs/frameworks.md, with a session check. */
function recipe(): string {
  const page = readFileSync(join(project, 'docs/frameworks.md'), 'utf8')
  const code = /^```ts\n(?<code>\/\/ app\/xrpc\/\[method\]\/route\.ts\n[\s\S]*?)^```$/m.exec(page)?.groups?.code
  if (code === undefined)
    throw new Error('docs/frameworks.md has no block that begins with // app/xrpc/[method]/route.ts')
  const didOf = "const didOf = (authorization) => (authorization === 'Bearer secret' ? 'did:plc:alice' : null)"
  return `${transformSync(code, { loader: 'ts' }).code}\n${didOf}\n`
}

async function tryServer(folder: string): Promise<void> {
  const port = await freePort()
  const env = { ...process.env, DATA: mkdtempSync(join(folder, 'data-')), PORT: String(port), HOSTNAME: '127.0.0.1' }
  const server = spawn(process.execPath, [join(folder, '.next/standalone/server.js')], { env, stdio: 'ignore' })
  const ended = once(server, 'exit')
  try {
    const url = `http://127.0.0.1:${port}/blob`
    const gif = Buffer.from('R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=', 'base64')
    const upload = () => fetch(url, { method: 'POST', body: gif, headers: { 'content-type': 'image/gif' } })
    const { cid } = (await (await whenListening(upload)).json()) as { cid: string }
    const blob = await fetch(`${url}?${new URLSearchParams({ cid })}`)
    assert.equal(blob.headers.get('content-type'), 'image/gif')
    assert.deepEqual(Buffer.from(await blob.arrayBuffer()), gif)
    const backup = await fetch(url, { method: 'PUT' })
    assert.equal(backup.status, 200, 'The backup failed')

    const xrpc = new URL('/xrpc/com.atproto.repo.uploadBlob', url)
    const headers = { 'content-type': 'image/gif', authorization: 'Bearer secret' }
    const uploaded = await fetch(xrpc, { method: 'POST', body: gif, headers })
    assert.equal(uploaded.status, 200, `The recipe of docs/frameworks.md answered: ${await uploaded.clone().text()}`)
    assert.equal(((await uploaded.json()) as { blob: { ref: { $link: string } } }).blob.ref.$link, cid)
    assert.equal((await fetch(xrpc, { method: 'POST', body: gif })).status, 401)
  } finally {
    server.kill('SIGKILL')
    await ended
  }
}

/** The first response of a server that is starting. @throws the last failure, after 30 s */
async function whenListening(request: () => Promise<Response>): Promise<Response> {
  const end = performance.now() + 30_000
  for (;;) {
    try {
      return await request()
    } catch (error) {
      if (performance.now() > end) throw error
      await setTimeout(100)
    }
  }
}
