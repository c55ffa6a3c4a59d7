import type { BlobRequest } from './request.ts'
import { XrpcError } from './xrpc-error.ts'

/**
 * What browsers ask for in order to run it, or to let it decide how a page looks. No header of the answer keeps a page of
 * the host's own origin from that: neither `nosniff`, where somebody has uploaded text/javascript, nor the sandbox, which
 * is for documents.
 */
const code = new Set([
  ...['script', 'style', 'xslt'],
  ...['worker', 'sharedworker', 'serviceworker', 'audioworklet', 'paintworklet'],
])

/**
 * Refuses a file to whoever would run it. Browsers say what they want it for to HTTPS and to localhost, and no page can
 * change what they say; other clients say nothing.
 */
export function assertNoCode(request: BlobRequest): void {
  if (!code.has(request.header('sec-fetch-dest') ?? '')) return
  throw new XrpcError(403, 'Forbidden', 'Blobs are not served as scripts, workers or style sheets')
}

/**
 * Without it the refusal would be none: a page that shows the file as an image first has it in the browser's cache, which
 * would give it to a script.
 */
export const destinationHeaders: Readonly<Record<string, string>> = { vary: 'Sec-Fetch-Dest' }
