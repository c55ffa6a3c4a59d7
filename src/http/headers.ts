import type { BlobCid } from '../blob/cid.ts'

/**
 * The headers that keep a blob from doing harm in a browser, for every status and for HEAD. This is the only place
 * that makes them, they are set last, and nothing relaxes them by type: a polyglot file has two types.
 */
export function securityHeaders(cid?: BlobCid): Record<string, string> {
  return {
    // The type is what the row says. A browser that looks for itself would run HTML that was stored as text.
    'x-content-type-options': 'nosniff',
    // Opened by its address a blob is saved, not shown: no page of anybody's on the host's origin. A CID in its
    // canonical spelling needs no escapes.
    'content-disposition': cid ? `attachment; filename="${cid}"` : 'attachment',
    // And where it is shown none the less (a frame, an old browser), it loads and runs nothing, in an origin apart.
    'content-security-policy': "default-src 'none'; sandbox",
    // Clients on other origins embed images; without it a page with COEP could not. Public bytes, nothing to hide.
    'cross-origin-resource-policy': 'cross-origin',
  }
}
