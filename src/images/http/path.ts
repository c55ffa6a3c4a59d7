/** What the path of an image asks for. Not checked yet. */
export type ImageParams = Record<'preset' | 'did' | 'cid', string> & { format?: string }

const grammar = /^\/img\/([^/]+)\/plain\/([^/]+)\/([^/@]+)(?:@([^/]*))?$/

/** Takes apart `/img/<preset>/plain/<did>/<cid>[@<format>]`; null for any other path. */
export function parseImagePath(path: string): ImageParams | null {
  if (path.length > 8192) return null
  const [, preset, did, cid, format] = (grammar.exec(path) ?? []).map(decode)
  if (!preset || !did || !cid) return null
  return format === undefined ? { preset, did, cid } : { preset, did, cid, format }
}

/** Clients may escape the colons of a DID. */
function decode(segment: string | undefined): string | undefined {
  try {
    return segment && decodeURIComponent(segment)
  } catch {
    return segment
  }
}
