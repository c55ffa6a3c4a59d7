import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from './free-port.ts'
import { guard } from './guard.ts'

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(condition()).toBe(true)
}

test.skipIf(process.platform !== 'linux')('servers and their folder are removed, however the tests end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-guarded-'))
  // What starts servers: a server that is found by its argument, and is not a child of ours.
  const code = `
    import { spawn } from 'node:child_process'
    import { guard } from ${JSON.stringify(join(import.meta.dirname, 'guard.ts'))}
    guard(${JSON.stringify(folder)})
    const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', ${JSON.stringify(`${folder}/conf`)}])
    process.stdout.write(String(server.pid))
    setInterval(() => {}, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [chunk] = await once(starter.stdout, 'data')
  const server = Number(chunk)
  expect(isAlive(server)).toBe(true)
  starter.kill('SIGKILL')
  await until(() => !isAlive(server) && !existsSync(folder))
})

test.skipIf(process.platform !== 'linux')('a folder can be released at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-guarded-'))
  await guard(folder)()
  expect(existsSync(folder)).toBe(false)
})

test('a free port is one that can be listened on', async () => {
  expect(await freePort()).toBeGreaterThan(0)
})
