import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import express5 from 'express'
import express4 from 'express4'
import { onTestFinished } from 'vitest'
import { type BlobRouter, type BlobRouterOptions, blobRouter } from '../../src/express.ts'
import type { BlobStore } from '../../src/index.ts'
import { tokens } from './place.ts'

export interface Running {
  server: Server
  port: number
  /** `http://127.0.0.1:<port>` */
  origin: string
}

export async function listen(server: Server): Promise<Running> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { server, port, origin: `http://127.0.0.1:${port}` }
}

/** The router on bare Node. */
export function serve(blobs: BlobStore, options: Partial<BlobRouterOptions> = {}): Promise<Running> {
  return listen(createServer(blobRouter(blobs, { ...tokens, ...options })))
}

/** The kinds of server that it supports, by name. */
export const hosts: Record<string, (router: BlobRouter) => Server> = {
  'Express 5': (router) => createServer(express5().use(router)),
  'Express 4': (router) => createServer(express4().use(router)),
  'node:http': (router) => createServer(router),
}

/** A raw connection that a test writes to. */
export interface Wire {
  socket: Socket
  /** Everything received so far. */
  received(): string
  /** Resolves with everything received when the other side has closed, cleanly or not. */
  closed: Promise<string>
}

export async function dial(port: number): Promise<Wire> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {}) // a reset is a response too
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const received = () => Buffer.concat(chunks).toString('latin1')
  return { socket, received, closed: new Promise((resolve) => socket.once('close', () => resolve(received()))) }
}

/** Sends lines and a body, and resolves with the whole response, after which the server must close the connection. */
export async function exchange(port: number, lines: string[], body: string | Uint8Array = ''): Promise<string> {
  const wire = await dial(port)
  wire.socket.write(`${[...lines, 'Host: pds.example', 'Connection: close'].join('\r\n')}\r\n\r\n`)
  wire.socket.write(body)
  return await wire.closed
}

export async function until(condition: () => boolean | Promise<boolean>, what: string, within = 20_000): Promise<void> {
  for (const end = performance.now() + within; performance.now() < end; ) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`Still not so after ${within} ms: ${what}`)
}

/** How many files and sockets this process has open. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}
