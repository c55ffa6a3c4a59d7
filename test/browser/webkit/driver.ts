import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { freePort } from '../../servers/free-port.ts'

const miniBrowser = process.env.MINIBROWSER ?? '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser'

/** A WebKitGTK with one window, on a screen of its own, and the W3C's WebDriver protocol to drive it. */
export class WebDriver implements AsyncDisposable {
  readonly #processes: ChildProcess[]
  readonly #session: string

  private constructor(processes: ChildProcess[], session: string) {
    this.#processes = processes
    this.#session = session
  }

  static async start(): Promise<WebDriver> {
    const processes: ChildProcess[] = []
    try {
      const options = ['-displayfd', '3', '-screen', '0', '1400x1100x24', '-nolisten', 'tcp']
      const screen = spawn('Xvfb', options, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
      processes.push(screen)
      const lines = createInterface(screen.stdio[3] as Readable)
      const [display] = await Promise.race([once(lines, 'line'), once(screen, 'exit').then(() => failed('Xvfb'))])
      const port = await freePort()
      // Its own sandbox needs rights that a container has not; LIBGL: there is no graphics card.
      const DISPLAY = `:${String(display)}`
      const env = { ...process.env, DISPLAY, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' }
      processes.push(spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], { env, stdio: 'ignore' }))
      const url = `http://127.0.0.1:${port}/session`
      await untilReady(`http://127.0.0.1:${port}/status`)
      const browser = { binary: miniBrowser, args: ['--automation'] }
      const capabilities = { alwaysMatch: { browserName: 'MiniBrowser', 'webkitgtk:browserOptions': browser } }
      const { sessionId } = (await ask('POST', url, { capabilities })) as { sessionId: string }
      return new WebDriver(processes, `${url}/${sessionId}`)
    } catch (error) {
      for (const one of processes) one.kill()
      throw error
    }
  }

  post(command: string, body: object = {}): Promise<unknown> {
    return ask('POST', `${this.#session}/${command}`, body)
  }

  get(command: string): Promise<unknown> {
    return ask('GET', `${this.#session}/${command}`)
  }

  /** The value of an expression in the page, which may be a promise. */
  async evaluate(expression: string, ...args: unknown[]): Promise<unknown> {
    const script = `const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1)
      new Promise((resolve) => resolve(${expression}))
        .then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }))`
    const { value, error } = (await this.post('execute/async', { script, args })) as { value: unknown; error?: string }
    if (error !== undefined) throw new Error(error)
    return value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ask('DELETE', this.#session).catch(() => {})
    for (const one of this.#processes.reverse()) one.kill()
  }
}

async function ask(method: string, url: string, body?: object): Promise<unknown> {
  const request = { method, ...(body && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(60_000) }
  const { value } = (await (await fetch(url, request)).json()) as { value: { error?: string; message?: string } | null }
  if (value !== null && typeof value === 'object' && typeof value.error === 'string' && 'message' in value) {
    throw new Error(`${method} ${url.replace(/^.*session\/?[\w-]*/, '')}: ${value.error}: ${value.message}`)
  }
  return value
}

async function untilReady(status: string): Promise<void> {
  for (const end = performance.now() + 15_000; ; ) {
    if (
      await fetch(status).then(
        (response) => response.ok,
        () => false,
      )
    )
      return
    if (performance.now() > end) failed('WebKitWebDriver')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function failed(program: string): never {
  throw new Error(`${program} does not start: apt-get install --no-install-recommends webkit2gtk-driver xvfb`)
}
