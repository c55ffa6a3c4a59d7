import type { ServerResponse } from 'node:http'
import { http2Stream } from './refuse.ts'

/** Watches a client that receives bytes. */
export interface IdleWatch {
  /** Starts waiting for the client, */
  begin(): void
  /** and ends it: the backend is waited for. */
  end(): void
  stop(): void
}

/** The time is divided into so many parts: a client is disconnected at most one part late. */
const parts = 8

/**
 * Disconnects a client that accepts nothing for `idleTimeout` milliseconds (0: never), because a stalled download holds
 * a file and a buffer. Uses the timer of the socket (on HTTP/2: of the stream), which alone sees progress inside one
 * large write: when it expires after progress, it restarts without an event. So it is set to a part of the time, and
 * the expirations in a row are counted.
 */
export function watchIdle(res: ServerResponse, idleTimeout: number): IdleWatch {
  const stream = http2Stream(res)
  // Node destroys a socket if nobody listens to its response's timeout.
  const { socket } = res.req
  const [timer, emitter] = stream ? [stream, stream] : [socket, res]
  const before = socket.timeout ?? 0
  const part = Math.ceil(idleTimeout / parts)
  let waiting = false
  let silent = 0
  let last = 0
  const onTimeout = () => {
    const now = performance.now()
    // More than one part since the last expiration: the timer restarted in between.
    if (now - last > part * 1.75) silent = 0
    last = now
    silent = waiting ? silent + 1 : 0
    if (silent >= parts) res.destroy()
    else timer.setTimeout(part)
  }
  if (idleTimeout > 0) {
    emitter.on('timeout', onTimeout)
    timer.setTimeout(part)
  }
  return {
    begin() {
      waiting = true
      silent = 0
      if (idleTimeout > 0) timer.setTimeout(part)
    },
    end() {
      waiting = false
    },
    stop() {
      emitter.off('timeout', onTimeout)
      // After a response, Node sets the timer for keep-alive itself, so it is not touched then.
      if (stream) stream.setTimeout(0)
      else if (!socket.destroyed && socket.timeout === part) socket.setTimeout(before)
    },
  }
}
