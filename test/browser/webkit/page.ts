import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { WebDriver } from './driver.ts'
import { WebKitLocator } from './locator.ts'

// playwright drives no WebKit but its own. So that the same tests run in Debian's, this is what they use of playwright's
// Page, over WebDriver. Another method is `undefined`, and the test that calls it fails.

type File = { name: string; buffer: Buffer }

export class WebKitPage extends WebKitLocator {
  readonly #driver: WebDriver
  readonly #files: string

  constructor(driver: WebDriver, files: string) {
    super(driver)
    this.#driver = driver
    this.#files = files
  }

  on(): void {} // it reports nothing of its own accord
  goto = (url: string) => this.#driver.post('url', { url })
  reload = () => this.#driver.post('refresh')
  title = () => this.#driver.get('title')
  evaluate = (expression: string) => this.#driver.evaluate(expression)

  /** The frames that have a text. */
  async filledFrames(): Promise<string[]> {
    const filled: string[] = []
    for (const id of (await this.evaluate(`[...document.querySelectorAll('iframe, object, embed')]`)) as object[]) {
      if (
        !(await this.#driver.post('frame', { id }).then(
          () => true,
          () => false,
        ))
      )
        continue // not a frame: nothing in it
      const text = await this.evaluate('document.documentElement.textContent.trim()')
      if (text !== '') filled.push(String(text))
      await this.#driver.post('frame', { id: null })
    }
    return filled
  }

  async setInputFiles(css: string, chosen: string | string[] | File): Promise<void> {
    const [id] = Object.values(await this.locator(css).element())
    const paths = typeof chosen === 'string' || Array.isArray(chosen) ? [chosen].flat() : [this.#written(chosen)]
    await this.#driver.post(`element/${id}/value`, { text: paths.join('\n') })
  }

  #written({ name, buffer }: File): string {
    const path = join(this.#files, name)
    writeFileSync(path, buffer)
    return path
  }
}

class WebKitContext {
  readonly #driver: WebDriver
  readonly #files = mkdtempSync(join(tmpdir(), 'pds-blobstore-webkit-'))

  constructor(driver: WebDriver) {
    this.#driver = driver
  }

  setDefaultTimeout(): void {}
  async addInitScript(): Promise<void> {}
  newPage = async () => new WebKitPage(this.#driver, this.#files)

  async close(): Promise<void> {
    await this.#driver[Symbol.asyncDispose]()
    rmSync(this.#files, { recursive: true, force: true })
  }
}

class WebKit {
  readonly #contexts: WebKitContext[] = []

  async newContext({ viewport }: BrowserContextOptions = {}): Promise<WebKitContext> {
    const driver = await WebDriver.start()
    if (viewport) await driver.post('window/rect', { ...viewport, x: 0, y: 0 })
    const context = new WebKitContext(driver)
    this.#contexts.push(context)
    return context
  }

  newPage = async () => await (await this.newContext()).newPage()
  close = async () => void (await Promise.all(this.#contexts.map((context) => context.close())))
}

export const startWebKit = (): Browser => new WebKit() as unknown as Browser
