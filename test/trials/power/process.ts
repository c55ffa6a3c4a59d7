import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Work } from './worker.ts'

/** Longer than any process takes to load, to open a store, or to pause: in milliseconds. */
const patience = 120_000

/** A worker's messages. */
export type Word = 'loaded' | 'working' | 'resting'

/** A worker, as its parent sees it. Forked ahead of its work, because loading takes longer than a cycle. */
export class Process {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #over = false
  #stderr = ''
  readonly #words = {
    loaded: Promise.withResolvers<void>(),
    working: Promise.withResolvers<void>(),
    resting: Promise.withResolvers<void>(),
  }

  constructor(compileCache: string) {
    this.#child = fork(join(import.meta.dirname, 'worker.ts'), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    })
    this.#child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk
    })
    this.#child.on('message', (word: Word) => this.#words[word].resolve())
    this.#child.on('error', () => {})
    this.#ended = once(this.#child, 'close').then(() => {
      this.#over = true
    })
  }

  /** What it died of, if it did. */
  get death(): string | null {
    if (!this.#over) return null
    return `a process ended with ${this.#child.signalCode ?? this.#child.exitCode}: ${this.#stderr.slice(-2000)}`
  }

  async start(work: Work): Promise<boolean> {
    if (!(await this.heard('loaded'))) return false
    this.#child.send(work, () => {})
    return true
  }

  /** Whether it says so before it ends, and in time. */
  async heard(word: Word, milliseconds: number = patience): Promise<boolean> {
    const giveUp = new AbortController()
    const late = sleep(milliseconds, false, { signal: giveUp.signal }).catch(() => false)
    try {
      return await Promise.race([this.#words[word].promise.then(() => true), this.#ended.then(() => false), late])
    } finally {
      giveUp.abort()
    }
  }

  /** From now on it does nothing, and gets no results from the kernel. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}
