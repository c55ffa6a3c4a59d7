import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'

/** What happens to one request. */
export type ProxyFault =
  /** Both connections are cut after this share, 0 to 1, of the request's body. */
  | { kind: 'cutRequest'; at: number }
  /** The client's connection is cut after this share of the response's body. */
  | { kind: 'cutAnswer'; at: number }
  /** The server handles the request, and the client's connection is cut instead of the response. */
  | { kind: 'loseAnswer' }
  /** The server is not called, and this is the response: an error of S3, or anything. */
  | { kind: 'refuse'; status: number; code: string }
  | { kind: 'answer'; status: number; body: string }
  /** No more passes after this share of the body, of the request or of the response, and the connections stay open. */
  | { kind: 'stallRequest'; at: number }
  | { kind: 'stallAnswer'; at: number }
  /** A bit is wrong in what the server receives, or in what the client receives. */
  | { kind: 'corruptRequest' }
  | { kind: 'corruptAnswer' }

export interface ProxyRequest {
  method: string
  /** With the query. */
  url: string
  headers: IncomingMessage['headers']
  /** The status that the client got, 0 while it has none. */
  status: number
}

/**
 * A proxy before a server on this machine, which forwards everything except for the faults, and counts. Requests keep
 * their `Host`, so signatures stay valid.
 */
export class FaultProxy {
  readonly requests: ProxyRequest[] = []
  /** How many connections were made. */
  connections = 0
  /** Called for each request; the fault that it returns happens. */
  fault: (request: ProxyRequest) => ProxyFault | undefined = () => undefined
  readonly #target: URL
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #busy = 0

  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(target))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  private constructor(target: URL) {
    this.#target = target
    this.#server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing))
    this.#server.on('connection', (socket) => {
      this.connections++
      socket.setMaxListeners(0)
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many connections of clients a request holds. */
  get busy(): number {
    return this.#busy
  }

  /** Resets the counters, and ends all faults. */
  reset(): void {
    this.requests.length = 0
    this.connections = 0
    this.fault = () => undefined
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const seen = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, status: 0 }
    this.requests.push(seen)
    const fault = this.fault(seen)
    this.#busy++
    outgoing.once('close', () => this.#busy--)
    // A cut ends both directions with intended errors.
    await this.#pass(incoming, outgoing, seen, fault).catch(() => incoming.socket.destroy())
  }

  async #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    seen: ProxyRequest,
    fault: ProxyFault | undefined,
  ): Promise<void> {
    if (fault?.kind === 'refuse' || fault?.kind === 'answer') {
      await finished(incoming.resume())
      seen.status = fault.status
      outgoing.writeHead(fault.status, { 'content-type': 'application/xml' })
      outgoing.end(fault.kind === 'answer' ? fault.body : errorXml(fault.code))
      return
    }
    const { hostname, port } = this.#target
    const { method, url: path, headers } = incoming
    const onward = request({ hostname, port, method, path, headers, agent: false })
    outgoing.once('close', () => onward.destroy())
    const answered = once(onward, 'response') as Promise<[IncomingMessage]>
    answered.catch(() => {})
    await forward(incoming, onward, Number(headers['content-length'] ?? 0), requestFault(fault))
    const [answer] = await answered
    if (fault?.kind === 'loseAnswer') {
      await finished(answer.resume())
      throw new Error('The answer is lost')
    }
    seen.status = answer.statusCode ?? 0
    outgoing.writeHead(seen.status, answer.rawHeaders)
    outgoing.flushHeaders()
    await forward(answer, outgoing, Number(answer.headers['content-length'] ?? 0), answerFault(fault))
  }
}

function errorXml(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>planned</Message></Error>`
}

type Interference = { kind: 'cut' | 'stall'; at: number } | { kind: 'corrupt' } | undefined

function requestFault(fault: ProxyFault | undefined): Interference {
  if (fault?.kind === 'cutRequest') return { kind: 'cut', at: fault.at }
  if (fault?.kind === 'stallRequest') return { kind: 'stall', at: fault.at }
  return fault?.kind === 'corruptRequest' ? { kind: 'corrupt' } : undefined
}

function answerFault(fault: ProxyFault | undefined): Interference {
  if (fault?.kind === 'cutAnswer') return { kind: 'cut', at: fault.at }
  if (fault?.kind === 'stallAnswer') return { kind: 'stall', at: fault.at }
  return fault?.kind === 'corruptAnswer' ? { kind: 'corrupt' } : undefined
}

/** Forwards a body of so many bytes, up to the fault. */
async function forward(from: IncomingMessage, to: Writable, size: number, fault: Interference): Promise<void> {
  const end = fault === undefined || fault.kind === 'corrupt' ? Number.POSITIVE_INFINITY : Math.floor(size * fault.at)
  let passed = 0
  const chunks: AsyncIterable<Buffer> = from.iterator({ destroyOnReturn: false })
  for await (const chunk of chunks) {
    const piece = chunk.subarray(0, end - passed)
    if (fault?.kind === 'corrupt' && passed === 0 && piece.byteLength > 0) piece[0] = (piece[0] ?? 0) ^ 1
    passed += piece.byteLength
    if (!to.write(piece)) await once(to, 'drain')
    if (passed >= end) break
  }
  if (passed >= end) {
    // What was written goes first.
    await new Promise((resolve) => setTimeout(resolve, 5))
    if (fault?.kind === 'stall') {
      // Later it reads on and discards: a side that does not read does not see that the other has closed.
      setTimeout(() => from.resume(), 700)
      await once(to, 'close')
    }
    throw new Error('The connection is cut')
  }
  to.end()
}
