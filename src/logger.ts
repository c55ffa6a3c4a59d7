/** Where the library says what is worth knowing: the shape of pino. Silent unless one is given. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silent: Logger = { info() {}, warn() {}, error() {} }

/** What an operator must see without having asked for it: where no logger was given it is a warning of the process. */
export function alarm(logger: Logger, details: object, message: string): void {
  logger.error(details, message)
  if (logger === silent) process.emitWarning(message, { code: 'PDS_BLOBSTORE', detail: JSON.stringify(details) })
}
