import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../support/random.ts'

/** A server that is killed and started again until it is stopped. */
export class MortalServer {
  kills = 0
  port = 0
  readonly #args: string[]
  readonly #onPort: (port: number) => void
  #child: ChildProcess | null = null
  readonly #stop = new AbortController()
  #living: Promise<void> = Promise.resolve()

  /** @param onPort called whenever it listens again */
  constructor(args: string[], onPort: (port: number) => void) {
    this.#args = args
    this.#onPort = onPort
  }

  async start(): Promise<void> {
    const child = fork(join(import.meta.dirname, 'child.ts'), this.#args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`The server ended with ${code}`))),
    ])
    this.port = message.port
    this.#onPort(this.port)
  }

  /** Kills it again and again, each time after this many milliseconds at most. */
  liveDangerously(random: Random, most: number): void {
    this.#living = (async () => {
      while (!this.#stop.signal.aborted) {
        await sleep(random.below(most), undefined, { signal: this.#stop.signal }).catch(() => {})
        if (this.#stop.signal.aborted) return
        await this.#kill()
        this.kills += 1
        await this.start()
      }
    })()
    this.#living.catch(() => {}) // stop() reports it
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    try {
      await this.#living
    } finally {
      await this.#kill()
    }
  }

  async #kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
