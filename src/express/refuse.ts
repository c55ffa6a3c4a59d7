import type { ServerResponse } from 'node:http'
import type { Reply } from '../http/reply.ts'

const drainBytes = 1024 * 1024
const drainTime = 2000

/**
 * Answers a client that is still sending, so that it sees the answer: a connection closed with unread bytes is reset,
 * and a reset overtakes the answer. So the answer goes out whole, the connection stays open for up to 2 s, in which up
 * to 1 MiB is read and thrown away, and is closed when the client has ended or the time is over. A client that sends
 * more than that is held by TCP, and has nothing else to do than to read.
 */
export function refuse(
  res: ServerResponse,
  status: number,
  headers: Reply['headers'],
  body: string | Uint8Array | null,
): Promise<void> {
  const { req } = res
  res.writeHead(status, { ...headers, connection: 'close' })
  // Content-Length makes it whole for the client; `end` would close the connection.
  if (body?.length) res.write(body)
  else res.flushHeaders()
  return new Promise((resolve) => {
    let seen = 0
    const onData = (chunk: Uint8Array) => {
      seen += chunk.length
      if (seen > drainBytes) req.pause()
    }
    const finish = () => {
      clearTimeout(timer)
      req.off('data', onData).off('end', finish).off('close', finish)
      res.end()
      resolve()
    }
    const timer = setTimeout(finish, drainTime)
    req.on('error', () => {}) // a client that is gone is no error of ours
    req.on('end', finish).on('close', finish).on('data', onData)
  })
}
