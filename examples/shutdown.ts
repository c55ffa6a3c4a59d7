import type { Server, ServerResponse } from 'node:http'

export interface Shutdown {
  /** What ends after the requests have: the store, the database, in this order. */
  close: () => Promise<void>
  /**
   * How long proxies have to notice, by the health check and by `connection: close`, while requests are still served;
   * in milliseconds. @default 3000
   */
  notice?: number
  /**
   * How long requests may continue after that, in milliseconds; then they are cut. Both together must be shorter than
   * the system's limit: systemd kills after 90 s, Kubernetes after 30 s, Docker after 10 s unless `stop_grace_period`
   * says more.
   * @default 25_000
   */
  deadline?: number
}

/**
 * Ends a server on SIGTERM and SIGINT so that no request is lost: proxies are notified, new connections are refused,
 * running requests end, and then everything behind them. A second signal ends the process at once.
 */
export function shutDownOnSignals(server: Server, options: Shutdown): void {
  const { close, notice = 3000, deadline = 25_000 } = options
  const answers = new Set<ServerResponse>()
  server.prependListener('request', (_req, res) => {
    answers.add(res)
    res.once('close', () => answers.delete(res))
    if (ending) res.setHeader('connection', 'close')
  })

  async function shutDown(): Promise<void> {
    ending = true
    // A proxy that gets this does not send its next request on a connection that is about to close.
    for (const res of answers) if (!res.headersSent) res.setHeader('connection', 'close')
    await new Promise((resolve) => setTimeout(resolve, notice))

    const ended = new Promise((resolve) => server.close(resolve))
    const idle = setInterval(() => server.closeIdleConnections(), 500)
    const cut = setTimeout(() => server.closeAllConnections(), deadline)
    await ended
    clearInterval(idle)
    clearTimeout(cut)
    await close()
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void shutDown())
}

let ending = false

/** Whether the process is ending: then the health check answers 503. */
export function isEnding(): boolean {
  return ending
}
