/** Where the library logs, with pino's interface. Silent unless one is given. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silent: Logger = { info() {}, warn() {}, error() {} }

/** Logs what an operator must see in any case: without a logger it becomes a warning of the process. */
export function alarm(logger: Logger, details: object, message: string): void {
  logger.error(details, message)
  if (logger === silent) process.emitWarning(message, { code: 'PDS_BLOBSTORE', detail: JSON.stringify(details) })
}
