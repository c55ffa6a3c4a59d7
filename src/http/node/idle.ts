import type { ServerResponse } from 'node:http'
import { http2Stream } from './refuse.ts'

/** The watch over a client that is being sent bytes. */
export interface IdleWatch {
  /** From now on it is the client that is waited for, */
  begin(): void
  /** and from now on the backend. */
  end(): void
  stop(): void
}

/** In how many parts the time is divided: a client is cut at most that part later. */
const parts = 8

/**
 * Cuts a client that takes nothing for `idleTimeout` milliseconds (0: never): a stalled download holds a file and a
 * buffer. Built on the timer of the socket (on HTTP/2: of the stream), which alone knows of the progress inside one large
 * write: when it runs off and there was some, it begins anew without a word. So it is set to a part of the time, and
 * what counts is how long it has run off in a row.
 */
export function watchIdle(res: ServerResponse, idleTimeout: number): IdleWatch {
  const stream = http2Stream(res)
  // Node destroys a socket whose timeout its response does not listen to.
  const { socket } = res.req
  const [timer, emitter] = stream ? [stream, stream] : [socket, res]
  const before = socket.timeout ?? 0
  const part = Math.ceil(idleTimeout / parts)
  let waiting = false
  let silent = 0
  let last = 0
  const onTimeout = () => {
    const now = performance.now()
    // Longer than one part since the last time: it has begun anew between.
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
      // Once an answer is out, Node sets the timer for the keep-alive itself: left alone then.
      if (stream) stream.setTimeout(0)
      else if (!socket.destroyed && socket.timeout === part) socket.setTimeout(before)
    },
  }
}
