import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  length: number
  /** Empty unless they were requested. */
  body: Buffer
}

/**
 * A client of HTTP/1.1 on one connection that stays open: it sends prepared requests, and counts what arrives. It does
 * as little as possible, because it has one core and must not be what is measured; it understands only responses with a
 * length.
 */
export class Connection {
  readonly #socket: Socket
  #head: Buffer = Buffer.alloc(0)
  #answer: Answer | null = null
  #left = 0
  #keep: Buffer[] | null = null
  #resolve: (answer: Answer) => void = () => {}
  #reject: (error: Error) => void = () => {}

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#reject(error))
    socket.on('close', () => this.#reject(new Error('The server closed the connection')))
  }

  request(parts: readonly Uint8Array[], { keep = false } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#keep = keep ? [] : null
      this.#socket.cork()
      for (const part of parts) this.#socket.write(part)
      this.#socket.uncork()
    })
  }

  close(): void {
    this.#socket.removeAllListeners('close').destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#answer) this.#takeBody(chunk)
    else this.#takeHead(chunk)
  }

  #takeHead(chunk: Buffer): void {
    const bytes = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk])
    const end = bytes.indexOf('\r\n\r\n')
    if (end === -1) {
      this.#head = bytes
      return
    }
    const head = bytes.toString('latin1', 0, end)
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
    if (Number.isNaN(length)) {
      this.#reject(new Error(`A response without a length: ${head}`))
      return
    }
    this.#head = Buffer.alloc(0)
    this.#answer = { status: Number(head.slice(9, 12)), length, body: Buffer.alloc(0) }
    this.#left = length
    this.#takeBody(bytes.subarray(end + 4))
  }

  #takeBody(chunk: Buffer): void {
    this.#keep?.push(chunk)
    this.#left -= chunk.length
    if (this.#left > 0) return
    const answer = this.#answer as Answer
    this.#answer = null
    if (this.#keep) answer.body = Buffer.concat(this.#keep)
    this.#resolve(answer)
  }
}

export function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
}

export function post(path: string, length: number, headers: Record<string, string>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${lines.join('')}\r\n`)
}
