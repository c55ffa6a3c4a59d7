import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WebDriver } from './driver.ts'

const find = readFileSync(join(import.meta.dirname, 'find.js'), 'utf8').replace('export ', '')

type Text = string | RegExp
type Chain = readonly object[]
type Element = Record<string, string>

function textOf(text: Text, exact = false): object {
  return typeof text === 'string' ? { word: text, exact } : { source: text.source, flags: text.flags }
}

/** What the tests use of playwright's locators. It waits for its element, and refuses to choose between several. */
export class WebKitLocator {
  readonly #driver: WebDriver
  readonly #chain: Chain

  constructor(driver: WebDriver, chain: Chain = []) {
    this.#driver = driver
    this.#chain = chain
  }

  #then(...steps: object[]): WebKitLocator {
    return new WebKitLocator(this.#driver, [...this.#chain, ...steps])
  }

  locator = (css: string) => this.#then({ by: 'css', css })
  getByRole = (role: string, { name, exact }: { name?: Text; exact?: boolean } = {}) =>
    this.#then({ by: 'role', role, ...(name !== undefined && { name: textOf(name, exact) }) })
  getByText = (text: Text) => this.#then({ by: 'text', text: textOf(text) })
  getByLabel = (label: Text) => this.#then({ by: 'label', label: textOf(label) })
  filter = ({ hasText, visible }: { hasText?: Text; visible?: true }) =>
    this.#then(...(hasText === undefined ? [] : [{ has: textOf(hasText) }]), ...(visible ? [{ visible }] : []))
  nth = (nth: number) => this.#then({ nth })
  first = () => this.nth(0)
  last = () => this.nth(-1)

  /** An expression over what is found, which is `found`. */
  #about(expression: string): Promise<unknown> {
    return this.#driver.evaluate(
      `(() => { ${find}; const found = find(args[0]); return ${expression} })()`,
      this.#chain,
    )
  }

  async #until<T>(expression: string, isDone: (value: T) => boolean): Promise<T> {
    for (const end = performance.now() + 15_000; ; ) {
      const value = (await this.#about(expression)) as T
      if (isDone(value)) return value
      if (performance.now() > end) throw new Error(`Not on the page: ${JSON.stringify(this.#chain)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** The element, when there is exactly one. */
  async element(): Promise<Element> {
    const elements = await this.#until<Element[]>('found', ({ length }) => length > 0)
    if (elements.length > 1) throw new Error(`${elements.length} elements fit ${JSON.stringify(this.#chain)}`)
    return elements[0] as Element
  }

  async #with(expression: string): Promise<unknown> {
    return await this.#driver.evaluate(`(({ node }) => ${expression})({ node: args[0] })`, await this.element())
  }

  async waitFor({ state = 'visible' }: { state?: 'visible' | 'hidden' } = {}): Promise<void> {
    await this.#until<boolean>('found.some(shown)', (isShown) => isShown === (state === 'visible'))
  }

  async click(): Promise<void> {
    await this.waitFor()
    const [id] = Object.values(await this.element())
    await this.#driver.post(`element/${id}/click`)
  }

  async fill(text: string): Promise<void> {
    const [id] = Object.values(await this.element())
    await this.#driver.post(`element/${id}/clear`)
    await this.#driver.post(`element/${id}/value`, { text })
  }

  /** In the page: what looks like the control may cover it. */
  #set = (checked: boolean) => this.#with(`node.checked === ${checked} || node.click()`)
  check = () => this.#set(true)
  uncheck = () => this.#set(false)
  isChecked = () => this.#with('node.checked')
  count = () => this.#about('found.length')
  textContent = () => this.#with('node.textContent')
  getAttribute = (name: string) => this.#with(`node.getAttribute(${JSON.stringify(name)})`)
  allTextContents = () => this.#about('found.map((node) => node.textContent)')
}
