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

/** Where one gets a blob of one's own, whether a record names it or not. */
export const previewUrl = ({ cid }) => `/xrpc/com.example.blobs.preview?${new URLSearchParams({ cid })}`

/** Where those in a space get a blob that a record there names. */
export const spaceBlobUrl = ({ space, did, cid }) =>
  `/xrpc/com.atproto.space.getBlob?${new URLSearchParams({ space, repo: did, cid })}`

/** Where everybody gets a smaller picture of it, made when it is first asked for. */
export const variantUrl = ({ did, cid }, preset) => `/img/${preset}/plain/${did}/${cid}@webp`

/** The same for those in a space. */
export const spaceVariantUrl = (blob, preset) =>
  `${variantUrl(blob, preset)}?${new URLSearchParams({ space: blob.space })}`

/** The bytes at an address, as a Blob with their type. */
export async function getFile(address, auth) {
  const response = await fetch(address, auth && { headers: { authorization: auth } })
  if (response.ok) return await response.blob()
  throw new XrpcError(await response.json().catch(() => ({})), response.status)
}
