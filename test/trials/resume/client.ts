import { setTimeout as sleep } from 'node:timers/promises'
import { Upload } from 'tus-js-client'
import type { Random } from '../../support/random.ts'

const KiB = 1024
const pieces = [Number.POSITIVE_INFINITY, 1024 * KiB, 100 * KiB]

/** What a client has seen of its upload. */
export interface Outcome {
  end: 'stored' | 'abandoned' | 'terminated' | 'failed'
  /** The CID in the last response. */
  cid: string | null
  /** How often it asked where to continue. */
  resumed: number
  /** What must not have happened. */
  findings: string[]
}

/**
 * Uploads with tus-js-client until the blob is stored; some clients leave in the middle, or terminate. Notes each byte
 * that a response acknowledged: no later response may say less.
 */
export async function upload(endpoint: string, did: string, bytes: Uint8Array, random: Random): Promise<Outcome> {
  const outcome: Outcome = { end: 'failed', cid: null, resumed: 0, findings: [] }
  const plan = random.weighted({ stored: 85, abandoned: 10, terminated: 5 })
  const leaveAt = plan === 'stored' ? Number.POSITIVE_INFINITY : random.below(bytes.length)
  const headers = { authorization: `Bearer ${did}` }
  const acknowledged = new Map<string, number>()
  const over = Promise.withResolvers<void>()
  const client = new Upload(Buffer.from(bytes), {
    ...{ endpoint, headers, chunkSize: random.pick(pieces), retryDelays: Array(600).fill(100) },
    uploadLengthDeferred: random.chance(0.2),
    uploadDataDuringCreation: random.chance(0.1),
    onProgress(sent) {
      if (sent <= leaveAt) return
      void client.abort()
      outcome.end = plan
      over.resolve()
    },
    onAfterResponse(request, response) {
      const [method, status] = [request.getMethod(), response.getStatus()]
      const url = new URL(method === 'POST' ? (response.getHeader('location') ?? '/') : request.getURL(), endpoint)
        .pathname
      if (method === 'HEAD') outcome.resumed += 1
      const before = acknowledged.get(url) ?? 0
      if (method === 'HEAD' && status === 404) outcome.findings.push(`${did}: the upload is lost, ${before} bytes`)
      if (status >= 300) return
      const offset = Number(response.getHeader('upload-offset') ?? 0)
      if (offset < before)
        outcome.findings.push(`${did}: ${before} bytes were acknowledged, and now there are ${offset}`)
      acknowledged.set(url, Math.max(offset, before))
    },
    onError(error) {
      outcome.findings.push(`${did}: ${error.message}`)
      over.resolve()
    },
    onSuccess({ lastResponse }) {
      outcome.end = 'stored'
      outcome.cid = JSON.parse(lastResponse.getHeader('atproto-blob') ?? 'null')?.ref.$link ?? null
      over.resolve()
    },
  })
  client.start()
  await over.promise
  if (outcome.end === 'terminated' && client.url) await terminate(client.url, headers)
  return outcome
}

async function terminate(url: string, headers: Record<string, string>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const response = await fetch(url, { method: 'DELETE', headers: { ...headers, 'tus-resumable': '1.0.0' } }).catch(
      () => null,
    )
    if (response?.status === 204) return
    await sleep(100)
  }
}
