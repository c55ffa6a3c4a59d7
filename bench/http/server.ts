import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import express from 'express4'
import type { BlobStore } from '../../src/index.ts'
import { openContender } from '../contenders/all.ts'
import { createBlobStore, DiskBackend, loadExpress, sqliteMetadata } from '../library.ts'
import { accountOf, Blobs } from '../workloads/blobs.ts'
import { type NginxTask, startNginx, storeLocation } from './nginx.ts'

// The server's process: server.ts <kind> <folder> <size> <count>. It creates blobs, sends its parent their addresses,
// and ends with it.

/** The message to the parent. */
export interface Serving {
  port: number
  /** The processes that serve, whose CPU time counts. */
  pids: number[]
  /** Where each blob is. */
  paths: string[]
}

const [kind = '', folder = '', size = '0', count = '0'] = process.argv.slice(2)
const blobs = new Blobs(Number(size), Number(count), { seed: true })
const files = join(folder, 'files')
await mkdir(files, { recursive: true })
const storeRoot = join(folder, 'blobs')
let uploads = 0

if (kind === 'nginx') {
  await writeFiles()
  const { port, pid } = await throughNginx({ root: files })
  tell({ port, pids: [pid], paths: fileNames() })
} else {
  const [listener, paths] = await listenerOf(kind)
  const server = createServer({ keepAliveTimeout: 60_000 }, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const nginx = isBehindNginx(kind) ? await throughNginx({ before: port, store: storeRoot }) : null
  tell({ port: nginx?.port ?? port, pids: [process.pid, ...(nginx ? [nginx.pid] : [])], paths })
  process.once('disconnect', () => process.exit())
}

function isBehindNginx(kind: string): boolean {
  return kind === 'behind-nginx' || kind === 'sent-by-nginx'
}

async function throughNginx(task: NginxTask): Promise<{ port: number; pid: number }> {
  const { port, process: child } = await startNginx(join(folder, 'nginx'), task)
  process.once('disconnect', () => child.kill('SIGKILL'))
  return { port, pid: child.pid as number }
}

function tell(serving: Serving): void {
  process.send?.(serving)
}

async function listenerOf(kind: string): Promise<[RequestListener, string[]]> {
  if (kind === 'pipe') {
    await writeFiles()
    return [pipe, fileNames()]
  }
  if (kind === 'memory') return [fromMemory, fileNames()]
  if (kind === 'parts') return await byHand()
  const { blobRouter } = await loadExpress()
  const store = await openStore()
  const router = blobRouter(store, {
    authenticate: (request) => ({ did: request.headers.get('authorization')?.slice('Bearer '.length) ?? '' }),
    ...(kind === 'sent-by-nginx' && {
      redirect: { to: 'file', location: storeLocation, above: 256 * 1024, keepsSecurityHeaders: true },
    }),
  })
  return [kind === 'express' ? express().use(router) : router, await publish(store)]
}

/** The minimal hand-written code. */
function pipe(req: IncomingMessage, res: ServerResponse): void {
  if (req.method === 'GET') {
    res.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': size })
    createReadStream(join(files, req.url ?? '')).pipe(res)
    return
  }
  const file = createWriteStream(join(files, `${uploads++}`))
  req.pipe(file).once('finish', () => res.writeHead(200, { 'content-length': 2 }).end('{}'))
}

/** What Node's server itself costs: no row is read, and no file. */
function fromMemory(req: IncomingMessage, res: ServerResponse): void {
  const bytes = blobs.bytes(Number(req.url?.slice('/blob-'.length)))
  res.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': size }).end(bytes)
}

/** The row, the file and the response, and nothing around them. */
async function byHand(): Promise<[RequestListener, string[]]> {
  const parts = await openContender('parts', folder)
  const names: string[] = []
  for (let number = 0; number < blobs.count; number++) {
    names.push(await parts.upload({ did: accountOf(number), size: Number(size), body: blobs.body(number) }))
  }
  const listener: RequestListener = async (req, res) => {
    const number = Number(req.url?.slice('/blob-'.length))
    const bytes = await parts.read(accountOf(number), names[number] as string)
    res.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': size }).end(bytes)
  }
  return [listener, fileNames()]
}

async function openStore(): Promise<BlobStore> {
  const store = createBlobStore({
    janitor: false,
    backend: new DiskBackend({ root: storeRoot }),
    metadata: sqliteMetadata(join(folder, 'blobs.sqlite')),
    limits: { maxBlobSize: Number(size) },
  })
  await store.ready()
  return store
}

async function publish(store: BlobStore): Promise<string[]> {
  const publishOne = async (number: number): Promise<string> => {
    const did = accountOf(number)
    const blob = await store.upload(did, blobs.bytes(number))
    const uri = `at://${did}/app.bsky.feed.post/${number}`
    await store.applyWrites(did, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
    return `/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did, cid: `${blob.ref}` })}`
  }
  return await Promise.all(Array.from({ length: blobs.count }, (_, number) => publishOne(number)))
}

async function writeFiles(): Promise<void> {
  for (let number = 0; number < blobs.count; number++)
    await writeFile(join(files, `blob-${number}`), blobs.bytes(number))
}

function fileNames(): string[] {
  return Array.from({ length: blobs.count }, (_, number) => `/blob-${number}`)
}
