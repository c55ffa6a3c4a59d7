import { getFile } from './xrpc.js'

// What not everybody may see. `<img>` sends no token, so the page gets the bytes itself and shows them by an address that is
// valid in this window alone.
let auth
const urls = new Map()

/** Whose eyes the page sees with from now on. What it got for others is forgotten. */
export function seeAs(session) {
  auth = session.auth
  for (const url of urls.values()) url.then(URL.revokeObjectURL, () => {})
  urls.clear()
}

/** Resolves with an address at which this window shows what the server has at that one. */
export function privateUrl(address) {
  const known = urls.get(address) ?? getFile(address, auth).then(URL.createObjectURL)
  urls.set(address, known)
  known.catch(() => urls.get(address) === known && urls.delete(address))
  return known
}
