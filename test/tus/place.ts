import { createServer, type Server } from 'node:http'
import express5 from 'express'
import express4 from 'express4'
import { DetailedError, Upload } from 'tus-js-client'
import type { BlobStore } from '../../src/index.ts'
import { type TusRouterOptions, tusRouter } from '../../src/tus.ts'
import type { Body } from '../http/place.ts'
import { listen, type Running } from '../http/servers.ts'
import { alice, tokens } from '../http/tokens.ts'

export const endpoint = '/upload'

export const routerOf = (blobs: BlobStore, options: Partial<TusRouterOptions> = {}): ReturnType<typeof tusRouter> =>
  tusRouter(blobs, { path: endpoint, authenticate: tokens.authenticate, ...options })

/** The kinds of server that it supports, by name. */
export const hosts: Record<string, (blobs: BlobStore) => Server> = {
  'Express 5': (blobs) => createServer(express5().use(routerOf(blobs))),
  'Express 4': (blobs) => createServer(express4().use(routerOf(blobs))),
  'Express 5, at the path itself': (blobs) => createServer(express5().use(endpoint, routerOf(blobs))),
  'node:http': (blobs) => createServer(routerOf(blobs)),
}

export const serveTus = (blobs: BlobStore, options: Partial<TusRouterOptions> = {}): Promise<Running> =>
  listen(createServer(routerOf(blobs, options)))

/** A request of the protocol, without a client. */
export function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
  body: Body = null,
): Promise<Response> {
  const always = { 'tus-resumable': '1.0.0', authorization: `Bearer ${alice}` }
  return fetch(url, { method, headers: { ...always, ...headers }, body })
}

export const offsetBytes = { 'content-type': 'application/offset+octet-stream' }

/** Begins an upload; resolves with its address. */
export async function begin(origin: string, headers: Record<string, string>): Promise<string> {
  const response = await ask(origin + endpoint, 'POST', headers)
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
  return new URL(response.headers.get('location') ?? '', origin + endpoint).href
}

export const patch = (url: string, offset: number, bytes: Uint8Array | string, headers = {}): Promise<Response> =>
  ask(url, 'PATCH', { ...offsetBytes, 'upload-offset': String(offset), ...headers }, bytes as Body)

export type ClientOptions = ConstructorParameters<typeof Upload>[1]

export interface Sent {
  /** The blob in the last response. */
  blob: { $type: string; ref: { $link: string }; mimeType: string; size: number }
  url: string
  /** The requests, such as `PATCH 204`. */
  requests: string[]
}

/** Uploads with the real client. `onStart` gets it, so that a test may pause it. Rejects with the client's error. */
export function send(
  origin: string,
  bytes: Uint8Array,
  options: ClientOptions = {},
  onStart: (upload: Upload) => void = () => {},
): Promise<Sent> {
  const requests: string[] = []
  return new Promise((resolve, reject) => {
    const upload = new Upload(Buffer.from(bytes), {
      endpoint: origin + endpoint,
      retryDelays: Array(60).fill(20),
      headers: { authorization: `Bearer ${alice}` },
      onAfterResponse: (request, response) => void requests.push(`${request.getMethod()} ${response.getStatus()}`),
      onError: reject,
      onSuccess: ({ lastResponse }) => {
        const blob = JSON.parse(lastResponse.getHeader('atproto-blob') ?? 'null')
        resolve({ blob, url: upload.url ?? '', requests })
      },
      ...options,
    })
    onStart(upload)
    upload.start()
  })
}

/** What the server answered, of the client's error. */
export function answerIn(error: unknown): [status: number, error: string] {
  const response = error instanceof DetailedError ? error.originalResponse : null
  if (!response) throw error
  return [response.getStatus(), JSON.parse(response.getBody()).error]
}
