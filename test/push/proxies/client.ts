import http from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: Buffer
}

export interface Asking {
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: Uint8Array | Readable
  agent?: http.Agent | https.Agent
}

/** A client that reads while it writes, and accepts only complete responses. */
export function ask(url: string, { method = 'GET', headers = {}, body, agent }: Asking = {}): Promise<Answer> {
  const { request } = url.startsWith('https:') ? https : http
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers, rejectUnauthorized: false, ...(agent && { agent }) })
    let answered = false
    req.on('error', (error) => answered || reject(error))
    req.on('response', (res) => {
      answered = true
      const chunks: Buffer[] = []
      res.on('data', (chunk) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const { statusCode = 0, headers } = res
        const whole = Buffer.concat(chunks)
        const length = headers['content-length']
        if (length !== undefined && method !== 'HEAD' && whole.length !== Number(length)) reject(new Error('cut'))
        resolve({ status: statusCode, headers, body: whole })
        if (!req.writableFinished) req.destroy()
      })
    })
    if (body instanceof Readable) body.on('error', (error) => req.destroy(error)).pipe(req)
    else req.end(body)
  })
}

/**
 * The same on a connection of its own, kept alive as any: on one that the proxy is closing after an earlier refusal a
 * request is lost whatever the response was.
 */
export async function askAlone(url: string, asking: Asking): Promise<Answer> {
  const { Agent } = url.startsWith('https:') ? https : http
  const agent = new Agent({ keepAlive: true })
  try {
    return await ask(url, { ...asking, agent })
  } finally {
    agent.destroy()
  }
}
