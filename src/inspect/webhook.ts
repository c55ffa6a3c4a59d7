import { isPlainObject } from '../blob/plain-object.ts'
import { invalidArgument } from '../options.ts'
import type { InspectionVerdict, UploadInspection } from '../store/hooks.ts'
import { assertInspectorOptions, guarded, type Inspector, type InspectorOptions } from './inspector.ts'

export interface WebhookOptions extends InspectorOptions {
  /** Further headers, such as an Authorization. */
  headers?: Readonly<Record<string, string>> | undefined
  /** Whether the bytes are sent too. @default true */
  bytes?: boolean | undefined
}

/** The most that is read of a response, in bytes. */
const longest = 10_000

/**
 * Asks a service of the host's. It gets a POST with the bytes as body, their type as Content-Type, and the headers
 * `blob-did`, `blob-cid` and `blob-size`. A response of 204, or of 200 with `{}`, accepts the upload; 200 with
 * `{ "refuse": "reason" }` refuses it, and the uploader may read the reason; 200 with `{ "quarantine": "reason" }` hides it
 * from all but moderators, who read the reason. Anything else is a failure.
 *
 * @throws `InvalidArgument`
 */
export function webhook(url: string | URL, options: WebhookOptions = {}): Inspector {
  assertInspectorOptions('webhook', options, ['headers', 'bytes'])
  const address = URL.parse(String(url))
  if (address?.protocol !== 'https:' && address?.protocol !== 'http:') {
    throw invalidArgument('webhook', 'the url must be an http or https address')
  }
  return guarded('webhook', (upload) => ask(address, upload, options), options)
}

async function ask(
  address: URL,
  { did, cid, mimeType, size, read, signal }: UploadInspection,
  { headers = {}, bytes = true }: WebhookOptions,
): Promise<InspectionVerdict | undefined> {
  const response = await fetch(address, {
    method: 'POST',
    headers: {
      ...headers,
      ...{ 'content-type': mimeType, 'blob-did': did, 'blob-cid': cid, 'blob-size': String(size) },
    },
    // A copy of each chunk, because it is valid only until the next is read.
    ...(bytes && { body: ReadableStream.from(copies(read())), duplex: 'half' }),
    redirect: 'error',
    signal,
  } as RequestInit)
  if (response.status === 204) return undefined
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`The service that inspects uploads answered ${response.status}`)
  }
  const answer: unknown = JSON.parse(await textOf(response))
  const { refuse, quarantine, ...others } = answer as { refuse?: unknown; quarantine?: unknown }
  const reason = refuse ?? quarantine ?? undefined
  // A misspelt verdict must not accept.
  if (reason === undefined && isPlainObject(answer) && Object.keys(others).length === 0) return undefined
  if (typeof reason !== 'string')
    throw new Error('The service that inspects uploads answered neither with {} nor with a reason')
  return reason === refuse ? { refuse: reason } : { quarantine: reason }
}

async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield new Uint8Array(chunk)
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > longest) throw new Error('The service that inspects uploads answered with too much')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
