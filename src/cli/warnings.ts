import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type Logger, type StoreWarning, warningChannel } from '../logger.ts'

/**
 * The warnings of the store that a command works on, whoever created it: all are collected. A store that the command
 * line creates has this as its logger. A store of `--config` has the host's, or none; then they are shown here.
 */
export class Warnings implements Disposable {
  readonly messages: string[] = []
  readonly logger: Logger
  readonly #show: (message: string) => void

  constructor(show: (message: string) => void) {
    this.#show = show
    const warn = (_details: object, message: string) => show(message)
    this.logger = { info() {}, warn, error: warn }
    subscribe(warningChannel, this.#hear)
  }

  readonly #hear = (published: unknown): void => {
    const { message, logged } = published as StoreWarning
    this.messages.push(message)
    if (!logged) this.#show(message)
  };

  [Symbol.dispose](): void {
    unsubscribe(warningChannel, this.#hear)
  }
}
