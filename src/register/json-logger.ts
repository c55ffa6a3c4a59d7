import { isNativeError } from 'node:util/types'
import type { Logger } from '../logger.ts'

/** Lines as pino writes them, which is how a PDS logs. */
export function jsonLogger(stream: { write(text: string): unknown }): Logger {
  const at = (level: number) => (details: object, msg: string) => {
    const line = { level, time: Date.now(), name: 'pds-blobstore', ...details, msg }
    stream.write(`${JSON.stringify(line, (_key, value) => (isNativeError(value) ? toldOf(value) : value))}\n`)
  }
  return { info: at(30), warn: at(40), error: at(50) }
}

const toldOf = ({ name, message, stack, cause }: Error) => ({ type: name, message, stack, cause })
