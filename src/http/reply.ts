import type { BlobReading } from '../store/calls.ts'

/**
 * An answer before it is one of the web's or of Node's: the adapters send a reading's bytes each in the quickest way
 * they have. Header names are in lower case.
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

/** An answer that the host made itself. */
export async function replyOf(response: Response): Promise<Reply> {
  const { status } = response
  if (status < 200 || status > 599) throw new Error(`A Response of status ${status} cannot be sent`)
  const bytes = new Uint8Array(await response.arrayBuffer())
  const headers: Reply['headers'] = Object.fromEntries(response.headers)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) headers['set-cookie'] = cookies
  delete headers['transfer-encoding'] // of the connection that it may come from, not of ours
  if (status === 204 || status === 304) return { status, headers, body: null }
  return { status, headers: { ...headers, 'content-length': String(bytes.length) }, body: bytes }
}

function withText(status: number, headers: Readonly<Record<string, string>>, body: string): Reply {
  return {
    status,
    headers: {
      // Errors first of all: a cached "not found" would outlive the upload, a cached list the next post.
      'cache-control': 'no-store',
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
    },
    body,
  }
}
