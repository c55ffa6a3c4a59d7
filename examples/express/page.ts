import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import express, { Router } from 'express'

/** Built for browsers by its authors. */
const tusClient = fileURLToPath(import.meta.resolve('tus-js-client/dist/tus.min.js'))

const folder = fileURLToPath(new URL('./page', import.meta.url))

/**
 * Serves the page in page/ as it is: no build step. It may load its own files and the blobs of this server, and send
 * requests here. Scripts need the nonce: `'self'` would allow any uploaded script, because blobs come from this origin
 * too.
 */
export function pageRoutes(): Router {
  const router = Router()

  router.get('/', async (_req, res) => {
    const nonce = randomBytes(16).toString('base64')
    const html = await readFile(`${folder}/index.html`, 'utf8')
    res.set({ ...headers, 'content-security-policy': policy(nonce), 'cache-control': 'no-store' })
    res.type('html').send(html.replaceAll('{nonce}', nonce))
  })
  router.get('/page/tus.min.js', (_req, res) => void res.set(headers).sendFile(tusClient))
  router.use('/page', express.static(folder, { index: false, setHeaders: (res) => res.set(headers) }))

  return router
}

const headers = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

const policy = (nonce: string): string =>
  [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src 'self'`,
    `img-src 'self' blob:`, // blob: for what is not public, which a request with a token brings
    `media-src 'self' blob:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ')
