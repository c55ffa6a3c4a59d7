import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Report } from '../express/demo/report.ts'
import { installMissing } from './install.ts'

// npm run demo:pds: two real PDSes of @atproto/pds on loopback, with this blob store instead of their own, driven by
// the official client. They keep running afterwards; with `-- --exit` it ends, with 0 or, at the first failed check,
// with 1. With `-- --pds 0.4` they are of that version.
const deadline = 60_000

installMissing()
if (process.argv[process.argv.indexOf('--pds') + 1] === '0.4' && !process.execArgv.includes('--conditions=pds-0.4')) {
  const args = ['--conditions=pds-0.4', ...process.argv.slice(1)]
  process.exit(spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1)
}
const { startNetwork } = await import('./demo/network.ts')
const { tell } = await import('./demo/story.ts')

const report = new Report()
const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-demo-'))
let network: Awaited<ReturnType<typeof startNetwork>> | undefined

const timer = setTimeout(() => end(new Error(`not done after ${deadline / 1000} s`)), deadline)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end())

try {
  network = await startNetwork(dir)
  await tell(network, report)
  clearTimeout(timer)
  if (process.argv.includes('--exit')) await end()
  else
    console.log(
      `\nThe two PDSes keep running, at ${network.here.url} and ${network.there.url}. Ctrl-C ends them and removes their data.`,
    )
} catch (error) {
  await end(error)
}

/** Closes and removes everything. */
async function end(error?: unknown): Promise<never> {
  if (error !== undefined) report.fail(error)
  await Promise.race([network?.close(), new Promise((resolve) => setTimeout(resolve, 5000).unref())])
  await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  process.exit(error === undefined ? 0 : 1)
}
