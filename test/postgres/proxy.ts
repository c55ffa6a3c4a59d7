import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { postgresUrl } from '../support/postgres.ts'

/** How pg sends a statement without parameters. */
const commit = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1')

/** A call of a function that does a step is a transaction by itself. */
const isCommit = (bytes: Buffer): boolean =>
  bytes.includes(commit) || /"\.blobstore_(intend|commit|reference)_/.test(bytes.toString('latin1'))

/** Cuts connections at a COMMIT: before the server has it, or after it is done and before the client knows. */
export class CuttingProxy {
  #cut: { when: 'before' | 'after'; at: number } | undefined
  #commits = 0
  #url = ''
  readonly #sockets = new Set<Socket>()
  /** Connections cut so far. */
  cuts = 0

  static async start(): Promise<CuttingProxy> {
    const proxy = new CuttingProxy()
    const target = new URL(postgresUrl())
    const [port, host] = [Number(target.port), target.hostname]
    const server = createServer((client) => proxy.#relay(client, connect(port, host)))
    onTestFinished(() => {
      for (const socket of proxy.#sockets) socket.destroy()
      server.close()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    target.port = String(address.port)
    target.hostname = '127.0.0.1'
    proxy.#url = target.href
    return proxy
  }

  get url(): string {
    return this.#url
  }

  /** Cuts once, at the n-th COMMIT from now on. */
  cutAt(when: 'before' | 'after', at: number): void {
    this.#commits = 0
    this.#cut = { when, at }
  }

  #relay(client: Socket, server: Socket): void {
    let deaf = false
    const end = () => {
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end).on('close', end)
    }
    client.on('data', (bytes) => {
      if (isCommit(bytes)) this.#commits += 1
      if (isCommit(bytes) && this.#cut?.at === this.#commits) {
        const { when } = this.#cut
        this.#cut = undefined
        this.cuts += 1
        if (when === 'before') return end()
        deaf = true
      }
      server.write(bytes)
    })
    // The answer to the COMMIT says that the server has done it.
    server.on('data', (bytes) => (deaf ? end() : client.write(bytes)))
  }
}
