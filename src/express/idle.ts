import type { ServerResponse } from 'node:http'

/** The watch over a client that is being sent bytes. */
export interface IdleWatch {
  /** Whether it is the client that is being waited for, and not the backend. */
  waiting: boolean
  stop(): void
}

/**
 * Cuts a client that takes nothing for `idleTimeout` milliseconds (0: never): a stalled download holds a file and a
 * buffer. Built on the socket's own timer, which knows of the progress inside one large write.
 */
export function watchIdle(res: ServerResponse, idleTimeout: number): IdleWatch {
  const { socket } = res.req
  const before = socket.timeout ?? 0
  const onTimeout = () => {
    if (watch.waiting) res.destroy()
    else socket.setTimeout(idleTimeout)
  }
  const watch: IdleWatch = {
    waiting: false,
    stop() {
      res.off('timeout', onTimeout)
      // Once an answer is out, Node sets the timer for the keep-alive itself: left alone then.
      if (!socket.destroyed && socket.timeout === idleTimeout) socket.setTimeout(before)
    },
  }
  if (idleTimeout > 0) res.setTimeout(idleTimeout, onTimeout)
  return watch
}
