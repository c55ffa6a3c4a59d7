import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { AtpAgent, type BlobRef } from '@atproto/api'
import { Resident } from '../measure/resident.ts'

const MiB = 1024 ** 2
const account = { handle: 'bench.test', identifier: 'bench.test', password: 'bench' }

/** What a transfer used: memory of the server, in bytes above its idle level, and MB/s. */
export interface Transfer {
  memory: number
  bandwidth: number
}

/**
 * A blob through the example's Express server and back. The client is this process, the server another, a new one for
 * each direction, so that the download does not start from the memory that the upload left. Linux only.
 */
export async function throughExpress(folder: string, size: number): Promise<{ up: Transfer; down: Transfer }> {
  let big: BlobRef | undefined
  const up = await withServer(folder, async (agent, memory) => {
    await agent.createAccount(account)
    await rehearse(agent)
    const transfer = await watch(memory, size, async () => {
      big = await upload(agent, size)
    })
    await reference(agent, big ?? assert.fail('no blob'))
    return transfer
  })
  const down = await withServer(folder, async (agent, memory) => {
    await agent.login(account)
    await rehearse(agent)
    return await watch(memory, size, () => download(agent, big ?? assert.fail('no blob')))
  })
  return { up, down }
}

async function withServer<T>(folder: string, use: (agent: AtpAgent, memory: Resident) => Promise<T>): Promise<T> {
  const server = fork(join(import.meta.dirname, 'server.ts'), [folder])
  const exited = once(server, 'exit')
  try {
    const [url] = (await once(server, 'message', { signal: AbortSignal.timeout(30_000) })) as [string]
    return await use(new AtpAgent({ service: url }), new Resident(server.pid ?? assert.fail('no server')))
  } finally {
    if (server.connected) server.disconnect()
    const timer = setTimeout(() => server.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }
}

/** A small transfer first: code is loaded, and the idle level is that of a running server. */
async function rehearse(agent: AtpAgent): Promise<void> {
  const small = await upload(agent, MiB)
  await reference(agent, small)
  await download(agent, small)
}

async function watch(memory: Resident, size: number, transfer: () => Promise<void>): Promise<Transfer> {
  await sleep(1000)
  const rest = memory.now()
  memory.resetPeak()
  const start = performance.now()
  await transfer()
  return { memory: memory.peak() - rest, bandwidth: size / 1000 / (performance.now() - start) }
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
