/** Where the library says what is worth knowing: the shape of pino. Silent unless one is given. */
export interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export const silent: Logger = { info() {}, warn() {}, error() {} }
