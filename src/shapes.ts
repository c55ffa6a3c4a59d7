import { isDate, isMap, isNativeError, isUint8Array } from 'node:util/types'

// Checks a value by its shape: in Jest, in vitest's `vmThreads` and in a `vm` context, the host's values are of another
// realm, whose `Error` and `Uint8Array` are not ours, so `instanceof` returns false.

export { isDate, isMap, isUint8Array }

export function isError(value: unknown): value is Error {
  if (isNativeError(value)) return true
  // The engine does not count a DOMException as an Error.
  const { name, message } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Error>
  return typeof name === 'string' && typeof message === 'string'
}

export function isBlob(value: unknown): value is Blob {
  const { size, stream, arrayBuffer } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Blob>
  return typeof size === 'number' && typeof stream === 'function' && typeof arrayBuffer === 'function'
}
