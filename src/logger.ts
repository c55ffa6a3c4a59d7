import { type Channel, channel } from 'node:diagnostics_channel'

/** Where the library logs, with pino's interface. Silent unless one is given. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silent: Logger = { info() {}, warn() {}, error() {} }

/** The message on `pds-blobstore:warning`: what a store logs as a warning or an error. */
export interface StoreWarning {
  level: 'warn' | 'error'
  details: object
  message: string
  /** Whether the store has a logger, which got it too. */
  logged: boolean
}

/** A channel of `node:diagnostics_channel`, which is the same for every copy of this package in a process. */
export const warningChannel = 'pds-blobstore:warning'

const warnings: Channel = channel(warningChannel)

/** A logger whose warnings and errors are published too: the command line did not create the store of `--config`. */
export class PublishedLogger implements Logger {
  readonly #to: Logger

  constructor(to: Logger) {
    this.#to = to
  }

  get isSilent(): boolean {
    return this.#to === silent
  }

  info(details: object, message: string): void {
    this.#to.info(details, message)
  }

  warn(details: object, message: string): void {
    this.#to.warn(details, message)
    this.#publish('warn', details, message)
  }

  error(details: object, message: string): void {
    this.#to.error(details, message)
    this.#publish('error', details, message)
  }

  #publish(level: StoreWarning['level'], details: object, message: string): void {
    if (!warnings.hasSubscribers) return
    warnings.publish({ level, details, message, logged: !this.isSilent } satisfies StoreWarning)
  }
}

/** Logs what an operator must see in any case: without a logger it becomes a warning of the process. */
export function alarm(logger: Logger, details: object, message: string): void {
  logger.error(details, message)
  const isSilent = logger instanceof PublishedLogger ? logger.isSilent : logger === silent
  // A subscriber has it instead, such as the command line.
  if (isSilent && !warnings.hasSubscribers)
    process.emitWarning(message, { code: 'PDS_BLOBSTORE', detail: JSON.stringify(details) })
}
