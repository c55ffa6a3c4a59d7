/** A response that is an error. Its message is the server's own: it says what to do. */
export class XrpcError extends Error {
  constructor({ error, message }, status) {
    super(message || error || `The server answered ${status}`)
    this.code = error
  }
}

/** Calls an XRPC method: a query, or with `body` a procedure. */
export async function call(nsid, { auth, params = {}, body } = {}) {
  const query = new URLSearchParams(params)
  const headers = { ...(auth && { authorization: auth }), ...(body && { 'content-type': 'application/json' }) }
  const request = body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers }
  const response = await fetch(`/xrpc/${nsid}${query.size > 0 ? `?${query}` : ''}`, request)
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new XrpcError(answer, response.status)
  return answer
}

/** The public address of a blob that a record references. */
export const blobUrl = ({ did, cid }) => `/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did, cid })}`

/** The public address of a variant of it, generated on first request. */
export const variantUrl = ({ did, cid }, preset) => `/img/${preset}/plain/${did}/${cid}@webp`

/** The bytes at an address, as a Blob with their type. */
export async function getFile(address) {
  const response = await fetch(address)
  if (response.ok) return await response.blob()
  throw new XrpcError(await response.json().catch(() => ({})), response.status)
}
