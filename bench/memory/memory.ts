import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AtpAgent, type BlobRef } from '@atproto/api'
import { Resident } from '../measure/resident.ts'

// npm run build && node bench/memory/memory.ts: a blob of 1 GiB through the example's Express server and back, and how
// far the server's memory rises above its rest. The client is this process, the server another, a new one for each
// direction, so that the download is not measured from the height that the upload left. Linux only.
const MiB = 1024 ** 2
const size = 1024 * MiB
const goal = 96 * MiB
const inMiB = (bytes: number): string => `${(bytes / MiB).toFixed(0)} MiB`
const account = { handle: 'bench.test', identifier: 'bench.test', password: 'bench' }

const dir = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), 'pds-blobstore-memory-'))
try {
  let big: BlobRef | undefined
  const up = await withServer(async (url, memory) => {
    const agent = new AtpAgent({ service: url })
    await agent.createAccount(account)
    await rehearse(agent)
    const peak = await peakOf('upload', memory, async () => {
      big = await upload(agent, size)
    })
    await reference(agent, big ?? assert.fail('no blob'))
    return peak
  })
  const down = await withServer(async (url, memory) => {
    const agent = new AtpAgent({ service: url })
    await agent.login(account)
    await rehearse(agent)
    return await peakOf('download', memory, () => download(agent, big ?? assert.fail('no blob')))
  })
  const holds = Math.max(up, down) <= goal
  console.log(`goal: at most ${inMiB(goal)} above rest: ${holds ? 'holds' : 'DOES NOT HOLD'}`)
  if (!holds) process.exitCode = 1
} finally {
  await rm(dir, { recursive: true, force: true })
}

async function withServer(use: (url: string, memory: Resident) => Promise<number>): Promise<number> {
  const server = fork(join(import.meta.dirname, 'server.ts'), [dir])
  const exited = once(server, 'exit')
  try {
    const [url] = (await once(server, 'message', { signal: AbortSignal.timeout(10_000) })) as [string]
    return await use(url, new Resident(server.pid ?? assert.fail('no server')))
  } finally {
    if (server.connected) server.disconnect()
    const timer = setTimeout(() => server.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }
}

/** Once in small: code is loaded, and the rest is that of a server at work. */
async function rehearse(agent: AtpAgent): Promise<void> {
  const small = await upload(agent, MiB)
  await reference(agent, small)
  await download(agent, small)
}

async function peakOf(what: string, memory: Resident, transfer: () => Promise<void>): Promise<number> {
  await sleep(1000)
  const rest = memory.now()
  memory.resetPeak()
  const start = performance.now()
  await transfer()
  const seconds = (performance.now() - start) / 1000
  const above = memory.peak() - rest
  const speed = `${inMiB(size)} in ${seconds.toFixed(1)} s, ${(size / 1e6 / seconds).toFixed(0)} MB/s`
  console.log(`${what.padEnd(8)}  ${speed}, peak ${inMiB(above)} above ${inMiB(rest)} at rest`)
  return above
}

async function upload(agent: AtpAgent, length: number): Promise<BlobRef> {
  const body = ReadableStream.from(chunksOf(length))
  const { data } = await agent.call('com.atproto.repo.uploadBlob', {}, body, { encoding: 'application/octet-stream' })
  assert.equal(data.blob.size, length)
  return data.blob
}

function* chunksOf(length: number): Generator<Uint8Array> {
  const chunk = randomBytes(MiB / 4)
  for (let left = length; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
}

async function reference(agent: AtpAgent, file: BlobRef): Promise<void> {
  const record = { $type: 'com.example.file', file }
  await agent.com.atproto.repo.createRecord({ repo: agent.assertDid, collection: 'com.example.file', record })
}

async function download(agent: AtpAgent, file: BlobRef): Promise<void> {
  const url = `${agent.serviceUrl}xrpc/com.atproto.sync.getBlob?did=${agent.assertDid}&cid=${file.ref}`
  const response = await fetch(url)
  assert.equal(response.status, 200)
  let length = 0
  for await (const chunk of response.body ?? assert.fail('no body')) length += chunk.length
  assert.equal(length, file.size)
}
