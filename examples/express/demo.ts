import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { socialAccept } from 'pds-blobstore'
import { curlLines } from './demo/curl.ts'
import { forgetting } from './demo/forgetting.ts'
import { Person } from './demo/people.ts'
import { reading } from './demo/reading.ts'
import { refusing } from './demo/refusing.ts'
import { Report } from './demo/report.ts'
import { running } from './demo/running.ts'
import { changing, moderating, sharing } from './demo/sharing.ts'
import type { Story } from './demo/story.ts'
import { uploading } from './demo/uploading.ts'
import { type Pds, startPds } from './pds.ts'

// npm run demo: starts the PDS and drives it with the official client, checking every step. It keeps running
// afterwards; with `-- --exit` it ends, with 0 or, at the first failed check, with 1.
const port = 2583
const deadline = 120_000
const adminPassword = 'admin'

const report = new Report()
const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-demo-'))
let pds: Pds | undefined

const timer = setTimeout(() => end(new Error(`not done after ${deadline / 1000} s`)), deadline)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end())

try {
  pds = await startPds({
    dir,
    port,
    adminPassword,
    limits: {
      maxBlobSize: 100 * 1024 * 1024,
      accept: socialAccept,
      quota: { bytes: 1024 ** 3, blobs: 1000 },
    },
    times: { grace: 0, deleteDelay: 0 },
  })
  await tell(pds)
  clearTimeout(timer)
  if (process.argv.includes('--exit')) await end()
  else console.log(await curlLines(pds))
} catch (error) {
  const isBusy = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
  await end(isBusy ? `Port ${port} is in use, perhaps by another demo: end that one first` : error)
}

async function tell(pds: Pds): Promise<void> {
  const [alice, bob] = ['alice', 'bob'].map((name) => new Person(name, pds.url)) as [Person, Person]
  const story: Story = { pds, blobs: join(dir, 'blobs'), adminPassword, alice, bob, report, uploads: [] }
  await uploading(story)
  await reading(story)
  await sharing(story)
  await changing(story)
  await moderating(story)
  await refusing(story)
  const left = await forgetting(story)
  await running(report, join(dir, 'second'))
  report.figures(left)
}

/** Closes and removes everything. */
async function end(error?: unknown): Promise<never> {
  if (error !== undefined) report.fail(error)
  await Promise.race([pds?.close(), new Promise((resolve) => setTimeout(resolve, 5000).unref())])
  await rm(dir, { recursive: true, force: true })
  process.exit(error === undefined ? 0 : 1)
}
