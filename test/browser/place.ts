import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { type Pds, type PdsOptions, startPds } from '../../examples/express/pds.ts'
import { startBrowser } from './browser.ts'

const screenshots = join(import.meta.dirname, '../../.demo/screenshots')

/** The example on a free port, and a browser that looks at it. */
export class Place implements AsyncDisposable {
  readonly pds: Pds
  /** Files of the host's own, by their path. */
  readonly hostFiles = new Map<string, { mimeType: string; text: string; headers?: OutgoingHttpHeaders }>()
  /** A header that a proxy on the way would drop. */
  droppedHeader: string | undefined
  readonly #exchanges: [IncomingMessage, ServerResponse][] = []
  readonly #dir: string
  readonly #browser: Browser
  readonly #contexts: BrowserContext[] = []
  #complaints: string[] = []

  private constructor(pds: Pds, dir: string, browser: Browser) {
    this.pds = pds
    this.#dir = dir
    this.#browser = browser
    const [app] = pds.server.listeners('request') as [RequestListener]
    pds.server.removeListener('request', app).on('request', (request, response) => {
      this.#note(request, response)
      const file = this.hostFiles.get(URL.parse(request.url ?? '', pds.url)?.pathname ?? '')
      if (file) response.writeHead(200, { ...file.headers, 'content-type': file.mimeType }).end(file.text)
      else app(request, this.droppedHeader === undefined ? response : this.#dropping(response))
    })
  }

  #dropping(response: ServerResponse): ServerResponse {
    const writeHead = response.writeHead.bind(response)
    return Object.assign(response, {
      writeHead: (status: number, { ...headers }: OutgoingHttpHeaders = {}) => {
        delete headers[this.droppedHeader ?? '']
        return writeHead(status, headers)
      },
    })
  }

  #note(request: IncomingMessage, response: ServerResponse): void {
    if (!request.headers['user-agent']?.startsWith('Mozilla/')) return // a request of the test itself
    this.#exchanges.push([request, response])
    const path = request.url?.replace(/\?.*/, '')
    // A new user has no account yet: the page tries to log in, and creates one.
    if (path?.endsWith('createSession')) return
    response.on('finish', () => response.statusCode >= 400 && this.#complaints.push(`${response.statusCode} ${path}`))
  }

  static async open(options: Partial<PdsOptions> = {}): Promise<Place> {
    const dir = mkdtempSync(join(tmpdir(), 'pds-blobstore-browser-'))
    const times = { grace: 0, deleteDelay: 0 }
    const pds = await startPds({ dir, port: 0, adminPassword: 'admin', times, ...options })
    return new Place(pds, dir, await startBrowser())
  }

  /** A separate window on the page, of one user or of none yet. */
  async window(person: string | null = null, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    context.setDefaultTimeout(15_000)
    this.#contexts.push(context)
    const page = await context.newPage()
    page.on('pageerror', (error) => this.#complaints.push(String(error)))
    page.on('console', (message) => {
      const text = message.text()
      // A refused request is known from the server, whatever the browser.
      if (!['error', 'warning'].includes(message.type()) || text.startsWith('Failed to load resource')) return
      this.#complaints.push(`${text} ${URL.parse(message.location().url)?.pathname ?? ''}`)
    })
    await page.goto(`${this.pds.url}/${person === null ? '' : `#${person}`}`)
    await page
      .locator(person === null ? '#nobody' : '#own, #all')
      .filter({ visible: true })
      .waitFor()
    return page
  }

  /** What browsers have asked for, and what they got, as the server knows it. */
  get answers(): { url: string; status: number; range: string | undefined }[] {
    return this.#exchanges.map(([{ url = '', headers }, { statusCode }]) => {
      return { url, status: statusCode, range: headers.range }
    })
  }

  /** A page of another origin, which embeds only what allows it. */
  async otherOrigin(): Promise<Page> {
    const headers = { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' }
    this.hostFiles.set('/other', { mimeType: 'text/html', text: '<!doctype html><title>Other</title>', headers })
    const page = await this.window()
    await page.goto(`${this.pds.url.replace('127.0.0.1', 'localhost')}/other`)
    return page
  }

  /** Uploads and posts a file for an account of its own. Resolves with its address. */
  async publish(bytes: Uint8Array, mimeType: string): Promise<string> {
    const { blobs, db, url } = this.pds
    const account = { did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', handle: 'mallory.test', password: '' }
    const { did } = account
    await db
      .insertInto('account')
      .values(account)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    const ref = await blobs.upload(did, bytes, { mimeType })
    const uri = `at://${did}/com.example.post/${ref.ref}`
    await blobs.applyWrites(did, [{ action: 'create', uri, record: { ref } }], { rev: '3kyimv2x4zs2a' })
    return `${url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${ref.ref}`
  }

  /** What the browser has reported since this call: errors, refused requests, violated policies. */
  complaints(): string[] {
    const made = this.#complaints
    this.#complaints = []
    return made
  }

  async screenshot(page: Page, name: string, fullPage = true): Promise<void> {
    mkdirSync(screenshots, { recursive: true })
    await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()))
    await this.#browser.close()
    await this.pds.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

export const media = (name: string): string => join(import.meta.dirname, '../fixtures/media', name)
