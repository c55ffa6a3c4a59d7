import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A proxy of TCP before a server on this machine, which cuts connections while the client sends. */
export class CuttingProxy implements AsyncDisposable {
  /** How many connections were cut. */
  cut = 0
  /** After how many bytes of the client the next connection is cut; null for never. Asked for each connection. */
  cutAfter: () => number | null = () => null
  /** The server's port; another one after it was restarted. */
  port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(port: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  private constructor(port: number) {
    this.port = port
    this.#server = createServer((client) => this.#forward(client))
  }

  /** `http://127.0.0.1:<port>` */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #forward(client: Socket): void {
    const server = connect(this.port, '127.0.0.1')
    let left = this.cutAfter() ?? Number.POSITIVE_INFINITY
    const end = () => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.on('error', end).on('close', () => void this.#sockets.delete(socket))
    }
    server.on('close', end)
    client.on('close', () => server.end())
    client.on('data', (chunk) => {
      server.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left > 0) return
      this.cut += 1
      client.destroy()
      server.end() // the bytes before the cut arrive
    })
    server.pipe(client)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
