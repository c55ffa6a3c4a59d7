import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pLimit from 'p-limit'
import type { BackendUse, BlobBackend } from '../../src/index.ts'
import { cidOfBytes } from '../../src/index.ts'
import { Ceph } from '../servers/ceph.ts'
import { createBucket } from '../support/s3.ts'
import { alice, nextRev, uriOf } from '../support/samples.ts'
import { bytesOf } from './blobs.ts'
import { diskOf, type MovingPlace, s3Of, storeAt } from './place.ts'

// A store of many blobs moves from a disk to S3 and back, while another process reads and uploads, and both are killed
// again and again: npm run test:moving -- [--blobs 10000] [--kills 20]. In the end every blob is compared byte by byte.
//
// Goes red when the mover loses, damages or leaves something; for example with the copy stored before its row.

const { values } = parseArgs({
  options: { blobs: { type: 'string', default: '10000' }, kills: { type: 'string', default: '20' } },
})
const [count, kills] = [Number(values.blobs), Number(values.kills)]
const say = (line: string) => process.stdout.write(`${line}\n`)

interface Told {
  stored?: number
  read?: number
  wrong?: number
  moved?: number
  findings?: number
  use?: BackendUse
}

const stored = new Set<number>()
const seen = { reads: 0, wrong: 0, findings: 0, killed: 0, failed: 0 }

const ceph = await Ceph.start()
const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-moving-'))
let failed = true
try {
  await createBucket(ceph.s3)
  const place: MovingPlace = { folder, s3: ceph.s3, prefix: 'moving/', count }
  await fill(place)
  await moveTo('s3', place)
  await moveTo('disk', place)
  failed = await differs(place)
} finally {
  await ceph.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
process.exitCode = failed ? 1 : 0

async function fill(place: MovingPlace): Promise<void> {
  const blobs = storeAt(place, 'disk')
  const limit = pLimit(8)
  const rev = nextRev()
  await limit.map(Array.from({ length: count }), async (_nothing, number) => {
    const ref = await blobs.upload(alice, bytesOf(number))
    await blobs.applyWrites(alice, [{ action: 'update', uri: uriOf(alice, `n${number}`), record: { ref } }], { rev })
    stored.add(number)
  })
  await blobs.close()
  say(`stored on the disk: ${stored.size}`)
}

async function moveTo(write: 'disk' | 's3', place: MovingPlace): Promise<void> {
  const started = performance.now()
  const first = Math.max(...stored) + 1
  let next = first
  let over = false
  const serving = (async () => {
    while (!over) {
      const server = start(place, write, 'serve', next)
      await Promise.race([sleep(3000 + Math.random() * 4000), once(server, 'exit')])
      if (server.exitCode !== null) seen.failed += 1
      await kill(server)
      next = Math.max(next, ...stored) + 1
    }
  })()
  let use: BackendUse | undefined
  for (let attempt = 0; ; attempt++) {
    const mover = start(place, write, 'move', 0, (told) => {
      use = told.use
    })
    if (attempt < kills) await Promise.race([sleep(100 + Math.random() * 2000), once(mover, 'exit')])
    else await once(mover, 'exit')
    await kill(mover)
    const isOver = use && !use.content && !use.uploads && !use.doomed
    if (attempt >= kills && isOver) break
    if (attempt > kills + 100) throw new Error(`the move does not end: ${JSON.stringify(use)}`)
    if (attempt >= kills) await sleep(1000)
  }
  over = true
  await serving
  say(`moved to ${write} in ${Math.round((performance.now() - started) / 1000)} s, stored meanwhile: ${next - first}`)
}

function start(
  place: MovingPlace,
  write: string,
  role: string,
  number: number,
  onEnd: (told: Told) => void = () => {},
): ChildProcess {
  const args = [JSON.stringify(place), write, role, String(number)]
  const child = fork(join(import.meta.dirname, 'child.ts'), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.on('message', (told: Told) => {
    if (told.stored !== undefined) stored.add(told.stored)
    if (told.read !== undefined) seen.reads += 1
    if (told.wrong !== undefined) seen.wrong += 1
    seen.findings += told.findings ?? 0
    if (told.use) onEnd(told)
  })
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  seen.killed += 1
}

async function differs(place: MovingPlace): Promise<boolean> {
  const blobs = storeAt(place, 'disk')
  let lost = 0
  await pLimit(8).map([...stored], async (number) => {
    const expected = bytesOf(number)
    const found = await blobs
      .read(alice, cidOfBytes(expected))
      .then((reading) => reading.bytes())
      .catch(() => new Uint8Array())
    if (Buffer.compare(found, expected) !== 0) lost += 1
  })
  // What died holds its upload until the lease is over.
  for (let round = 0; round < 30; round++) {
    const { waitingKeys } = await blobs.collect()
    const { orphans } = await blobs.sweep()
    if (round > 4 && waitingKeys === 0 && orphans === 0) break
    await sleep(1500)
  }
  const { storedCount } = await blobs.totals()
  await blobs.close()
  const left = (await keysIn(s3Of(place))) + (await keysIn(diskOf(place))) - storedCount
  say(`acknowledged ${stored.size}, lost ${lost}, left over ${left}, damaged or missing while moving ${seen.findings}`)
  say(
    `read meanwhile ${seen.reads}, of which wrong ${seen.wrong}; processes killed ${seen.killed}, failed ${seen.failed}`,
  )
  return lost + left + seen.findings + seen.wrong + seen.failed > 0
}

async function keysIn(backend: BlobBackend): Promise<number> {
  await backend.open()
  let keys = 0
  let cursor: string | undefined
  do {
    const page = await backend.list({ cursor })
    keys += page.keys.length
    cursor = page.cursor
  } while (cursor !== undefined)
  await backend.close()
  return keys
}
