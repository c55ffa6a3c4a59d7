import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/**
 * A plain HTTP file server, for the tests: PUT, GET with a range, DELETE, and a folder's files in nginx's JSON format.
 */
export async function startFileServer(): Promise<{ address: (folder: string) => string; stop(): Promise<void> }> {
  const root = await mkdtemp(join(tmpdir(), 'file-server-'))
  await mkdir(join(root, 'incoming'))
  const server = createServer((req, res) => {
    answer(root, req, res).catch((error) => {
      if (!res.headersSent) res.writeHead(error.code === 'ENOENT' ? 404 : 500)
      res.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: (folder) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${folder}/`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(root, { recursive: true, maxRetries: 3 })
    },
  }
}

async function answer(root: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { pathname } = new URL(req.url ?? '/', 'http://server') // which removes every `..`
  const path = join(root, pathname)
  if (req.method === 'PUT') await put(req, path, join(root, 'incoming', randomUUID()))
  else if (req.method === 'DELETE') await rm(path)
  else if (pathname.endsWith('/'))
    res.write(JSON.stringify((await readdir(path)).map((name) => ({ name, type: 'file' }))))
  else return send(req, res, path)
  res.end()
}

/** Under another name first, so that nobody sees a part of it, or what is left of a request that was cut. */
async function put(req: IncomingMessage, path: string, incoming: string): Promise<void> {
  try {
    await pipeline(req, createWriteStream(incoming))
    await mkdir(dirname(path), { recursive: true })
    await rename(incoming, path)
  } catch (error) {
    await rm(incoming, { force: true })
    throw error
  }
}

/** From one descriptor: under its name there may be another file by the time that its bytes are read. */
async function send(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
  await using file = await open(path)
  const { size } = await file.stat()
  const asked = /^bytes=(?<from>\d+)-(?<to>\d+)$/.exec(req.headers.range ?? '')?.groups
  const [start, end] = [Number(asked?.from ?? 0), Math.min(Number(asked?.to ?? size), size - 1)]
  if (asked && start >= size) {
    res.writeHead(416, { 'content-range': `bytes */${size}` }).end()
    return
  }
  const range = asked && { 'content-range': `bytes ${start}-${end}/${size}` }
  res.writeHead(asked ? 206 : 200, { 'content-length': end - start + 1, ...range })
  if (size === 0) res.end()
  else await pipeline(file.createReadStream({ start, end, autoClose: false }), res)
}
