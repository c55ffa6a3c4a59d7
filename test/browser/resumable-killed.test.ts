import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cidOfBytes } from '../../src/index.ts'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { hasBrowser, startBrowser } from './browser.ts'
import { slowDown, tileOf } from './steps.ts'

const KiB = 1024
const MiB = 1024 * KiB

describe.skipIf(!hasBrowser())('a large file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-killed-'))
  let server: ChildProcess
  let port: number
  let proxy: CuttingProxy
  let browser: Browser
  beforeAll(async () => {
    await start()
    proxy = await CuttingProxy.start(port)
    // Only a connection that sends the file has so many bytes.
    proxy.cutAfter = () => (proxy.cut < 20 ? 700 * KiB : null)
    browser = await startBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await proxy?.[Symbol.asyncDispose]()
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The example as a process of its own. */
  async function start(): Promise<void> {
    const program = join(import.meta.dirname, '../../examples/express/main.ts')
    const env = { ...process.env, PDS_DIR: join(folder, 'pds'), PDS_PORT: '0' }
    server = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const line of createInterface({ input: server.stdout as Readable })) {
      const found = /127\.0\.0\.1:(\d+)/.exec(line)
      if (!found) continue
      port = Number(found[1])
      return
    }
    throw new Error('The example did not start')
  }

  async function kill(): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }

  test('arrives whole though its connection is cut 20 times and its server killed twice', {
    timeout: 120_000,
  }, async () => {
    const bytes = Buffer.alloc(30 * MiB)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 11)) & 255
    bytes.set([0xff, 0xd8, 0xff, 0xe0])
    writeFileSync(join(folder, 'cut.jpg'), bytes)
    const page = await browser.newPage()
    await page.goto(`${proxy.origin}/#alice`)
    await page.locator('#own').waitFor()
    await slowDown(page, { uploadThroughput: 8 * MiB })
    await page.setInputFiles('#files', join(folder, 'cut.jpg'))
    for (const cuts of [6, 13]) {
      await expect.poll(() => proxy.cut, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(cuts)
      await kill()
      await start()
      proxy.port = port
    }
    await expect.poll(() => proxy.cut, { timeout: 60_000 }).toBe(20)
    await slowDown(page, {})
    await tileOf(page, 'cut.jpg').getByRole('checkbox').waitFor({ timeout: 60_000 })

    const files = readdirSync(join(folder, 'pds/blobs'), { recursive: true, encoding: 'utf8' })
    const [file = '', ...others] = files.filter((name) => name.includes(cidOfBytes(bytes)))
    expect(others).toEqual([])
    expect(Buffer.compare(readFileSync(join(folder, 'pds/blobs', file)), bytes)).toBe(0)
    await page.close()
  })
})
