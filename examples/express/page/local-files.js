// What this page has uploaded itself: it can show these before the server would, and knows their names. The store keeps
// no names: a blob is its bytes.
const files = new Map()

export function remember(cid, file) {
  if (!files.has(cid)) files.set(cid, { name: file.name, url: URL.createObjectURL(file) })
}

export const localName = (cid) => files.get(cid)?.name
export const localUrl = (cid) => files.get(cid)?.url
