import assert from 'node:assert/strict'
import { Connection, get, post } from '../http/load.ts'
import { hasNginx } from '../http/nginx.ts'
import { type Served, serve } from '../http/serve.ts'
import { cidOfBytes } from '../library.ts'
import type { Figures } from '../measure/figures.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { shuffled } from './read.ts'
import type { Place, Workload } from './workload.ts'

const KiB = 1024
const lanes = 16

/** Over loopback: the server is one process, this one the client. CPU time is the server's. */
export const httpWorkloads: Workload[] = [
  download('50k', '50 KiB', 50 * KiB),
  download('1m', '1 MiB', 1024 * KiB),
  ...['256k', '1m', '8m'].map(downloadBehindNginx),
  upload(),
]

function download(name: string, title: string, size: number): Workload {
  return downloadOf({
    name: `http-get-${name}-16`,
    title: `Download of ${title} over HTTP, 16 connections`,
    size,
    contenders: ['router', 'express', 'pipe', 'nginx', 'memory', 'parts'],
  })
}

/** From which size on nginx should send the files itself. CPU time is that of both processes. */
function downloadBehindNginx(name: string): Workload {
  const size = Number.parseInt(name, 10) * (name.endsWith('m') ? 1024 : 1) * KiB
  return downloadOf({
    name: `http-get-${name}-behind-nginx`,
    title: `Download of ${name.replace(/k$/, ' KiB').replace(/m$/, ' MiB')} over HTTP behind nginx, 16 connections`,
    size,
    contenders: ['behind-nginx', 'sent-by-nginx'],
  })
}

function downloadOf({ size, ...given }: Pick<Workload, 'name' | 'title' | 'contenders'> & { size: number }): Workload {
  return {
    ...given,
    when: 'always',
    missing: (name) => (name.includes('nginx') && !hasNginx() ? 'nginx is not installed' : undefined),
    run: (kind, place) =>
      withServer(kind, place, size, async (server, connections) => {
        const blobs = new Blobs(size, server.paths.length, { seed: true })
        const requests = server.paths.map(get)
        for (const [number, request] of requests.entries()) {
          const { status, body } = await (connections[0] as Connection).request([request], { keep: true })
          assert.equal(status, 200)
          assert(blobs.bytes(number).equals(body), 'other bytes arrived')
        }
        return await load(server, connections, place.seconds, async (connection, number) => {
          const { status, length } = await connection.request([requests[shuffled(number, requests.length)] as Buffer])
          assert(status === 200 && length === size, `status ${status}, ${length} bytes`)
        })
      }),
  }
}

function upload(): Workload {
  const size = 50 * KiB
  return {
    name: 'http-upload-50k-16',
    title: 'Upload of 50 KiB over HTTP, 16 connections, without a record',
    contenders: ['router', 'express', 'pipe'],
    when: 'always',
    run: (kind, place) =>
      withServer(kind, place, size, async (server, connections) => {
        const blobs = new Blobs(size, Math.ceil(5000 * place.scale))
        const answers: string[] = []
        const figures = await load(server, connections, place.seconds, async (connection, number) => {
          const one = number % blobs.count
          const headers = { Authorization: `Bearer ${accountOf(one)}`, 'Content-Type': 'image/jpeg' }
          const head = post('/xrpc/com.atproto.repo.uploadBlob', size, headers)
          const { status, body } = await connection.request([head, blobs.bytes(one)], { keep: true })
          assert.equal(status, 200, body.toString())
          answers[one] = body.toString()
        })
        if (kind === 'pipe') return figures
        for (const [number, answer] of answers.entries()) {
          const { blob } = JSON.parse(answer)
          assert.equal(blob.ref.$link, cidOfBytes(blobs.bytes(number)))
        }
        return figures
      }),
  }
}

async function withServer(
  kind: string,
  { folder, scale }: Place,
  size: number,
  use: (server: Served, connections: Connection[]) => Promise<Figures>,
): Promise<Figures> {
  const server = await serve(kind, folder, size, Math.ceil(100 * scale))
  try {
    const connections = await Promise.all(Array.from({ length: lanes }, () => Connection.open(server.port)))
    const figures = await use(server, connections)
    for (const connection of connections) connection.close()
    return figures
  } finally {
    await server.stop()
  }
}

/**
 * Each connection sends the next request when it has its response. The CPU time is that of the server, not of this
 * client.
 */
async function load(
  server: Served,
  connections: readonly Connection[],
  seconds: number,
  request: (connection: Connection, number: number) => Promise<void>,
): Promise<Figures> {
  const idle = [...connections]
  const once = async (number: number): Promise<void> => {
    const connection = idle.pop() ?? assert.fail('more lanes than connections')
    await request(connection, number)
    idle.push(connection)
  }
  // Long: in the first seconds the code of the server is still being compiled.
  await measure({ lanes, seconds: seconds * 5, warmUp: 0 }, once)
  const before = server.cpu()
  const { figures } = await measure({ lanes, seconds, warmUp: 0 }, once)
  const cpu = (server.cpu() - before) / figures.operations
  const { memory, loopDelay, ...others } = figures // those are this client's too
  return { ...others, cpu }
}
