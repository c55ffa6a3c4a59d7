import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ChildOptions, Order, Reply } from './child.ts'
import type { Place } from './place.ts'
import type { Plan } from './steps.ts'
import type { Vitals } from './vitals.ts'

export interface Death {
  signal: NodeJS.Signals | null
  code: number | null
  stderr: string
}

/** One process of the trial, as its parent sees it. */
export class Member {
  readonly name: string
  readonly role: ChildOptions['role']
  readonly died: Promise<Death>
  dead = false
  /** How long it took to load, in milliseconds: shows the machine's speed under its load. */
  loading = 0
  readonly #child: ChildProcess
  readonly #loaded: Promise<unknown>

  constructor(options: ChildOptions, place: Place) {
    this.name = options.name
    this.role = options.role
    this.#child = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--no-warnings', '--expose-gc'],
      env: { ...process.env, NODE_COMPILE_CACHE: place.compileCache },
    })
    let stderr = ''
    this.#child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    this.died = once(this.#child, 'close').then(([code, signal]) => {
      this.dead = true
      return { code, signal, stderr }
    })
    const begun = performance.now()
    this.#loaded = this.#heard('loaded').then(() => {
      this.loading = performance.now() - begun
    })
  }

  /** Lets it work; it kills itself where the plan says. */
  async go(plan: Plan | null): Promise<void> {
    await this.#loaded
    this.#tell({ go: plan })
  }

  /** Resolves with whether it has paused, or died, in time. */
  async pause(patience: number): Promise<boolean> {
    const paused = this.#heard('paused')
    this.#tell({ pause: true })
    return within(patience, paused)
  }

  async vitals(): Promise<Vitals | undefined> {
    const heard = this.#heard((reply): reply is Vitals => typeof reply === 'object')
    this.#tell({ vitals: true })
    return Promise.race([heard, this.died.then(() => undefined)])
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.died
  }

  #tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  /** Also when it died: nothing waits for a dead process. */
  #heard<R extends Reply>(wanted: 'loaded' | 'paused' | ((reply: Reply) => reply is R)): Promise<R> {
    return new Promise((resolve) => {
      const onMessage = (reply: Reply) => {
        if (typeof wanted === 'function' ? !wanted(reply) : reply !== wanted) return
        this.#child.off('message', onMessage)
        resolve(reply as R)
      }
      this.#child.on('message', onMessage)
      this.died.then(() => {
        this.#child.off('message', onMessage)
        resolve(undefined as never)
      })
    })
  }
}

export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
