import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { type Pds, type PdsOptions, startPds } from '../../examples/express/pds.ts'
import { startChromium } from './chromium.ts'

const screenshots = join(import.meta.dirname, '../../.demo/screenshots')

/** The example on a free port, and a browser that looks at it. */
export class Place implements AsyncDisposable {
  readonly pds: Pds
  readonly #dir: string
  readonly #browser: Browser
  readonly #contexts: BrowserContext[] = []
  #complaints: string[] = []

  private constructor(pds: Pds, dir: string, browser: Browser) {
    this.pds = pds
    this.#dir = dir
    this.#browser = browser
  }

  static async open(options: Partial<PdsOptions> = {}): Promise<Place> {
    const dir = mkdtempSync(join(tmpdir(), 'pds-blobstore-browser-'))
    const times = { grace: 0, deleteDelay: 0 }
    const pds = await startPds({ dir, port: 0, adminPassword: 'admin', times, ...options })
    return new Place(pds, dir, await startChromium())
  }

  /** A separate window on the page, of one user or of none yet. */
  async window(person: string | null = null, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    context.setDefaultTimeout(15_000)
    this.#contexts.push(context)
    const page = await context.newPage()
    page.on('pageerror', (error) => this.#complaints.push(String(error)))
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return
      const path = URL.parse(message.location().url)?.pathname ?? ''
      // A new user has no account yet: the page tries to log in, and creates one.
      if (!path.endsWith('createSession')) this.#complaints.push(`${message.text()} ${path}`)
    })
    await page.goto(`${this.pds.url}/${person === null ? '' : `#${person}`}`)
    await page
      .locator(person === null ? '#nobody' : '#own, #all')
      .filter({ visible: true })
      .waitFor()
    return page
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
