import type { BlobReading } from '../store/calls.ts'

/**
 * A response before it becomes one of the web or of Node: each adapter sends a reading's bytes in its fastest way.
 * Header names are in lower case.
 */
export interface Reply {
  status: number
  headers: Record<string, string | string[]>
  body: null | string | Uint8Array | BlobReading
}

export function isReading(body: Reply['body']): body is BlobReading {
  return typeof body === 'object' && body !== null && 'chunks' in body
}

export function jsonReply(value: object): Reply {
  return withText(200, {}, JSON.stringify(value))
}

/** The body of an XRPC error, `{ error, message }`. */
export function errorReply(error: {
  status: number
  error: string
  message: string
  headers: Readonly<Record<string, string>>
}): Reply {
  return withText(error.status, error.headers, JSON.stringify({ error: error.error, message: error.message }))
}

/** Turns the host's own response into a reply. */
export async function replyOf(response: Response): Promise<Reply> {
  const { status } = response
  if (status < 200 || status > 599) throw new Error(`A Response of status ${status} cannot be sent`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const headers: Reply['headers'] = Object.fromEntries(response.headers)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  delete headers['transfer-encoding'] // it describes the connection that the response came from, not ours
  if (status === 204 || status === 304) return { status, headers, body: null }
  return { status, headers: { ...headers, 'content-length': String(bytes.length) }, body: bytes }
}

function withText(status: number, headers: Readonly<Record<string, string>>, body: string): Reply {
  return {
    status,
    headers: {
      // Mainly for errors: a cached "not found" would outlive the upload, a cached list the next post.
      'cache-control': 'no-store',
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}
