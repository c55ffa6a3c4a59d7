import { isDate, isMap, isNativeError, isUint8Array } from 'node:util/types'

// What a value is, by its shape: in Jest, in vitest's `vmThreads` and in a `vm` context the host's values are of another
// realm, whose `Error` and `Uint8Array` are not ours, so that `instanceof` says no.

export { isDate, isMap, isUint8Array }

export function isError(value: unknown): value is Error {
  if (isNativeError(value)) return true
  // A DOMException is none for the engine.
  const { name, message } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Error>
  return typeof name === 'string' && typeof message === 'string'
}

export function isBlob(value: unknown): value is Blob {
  const { size, stream, arrayBuffer } = (typeof value === 'object' && value !== null ? value : {}) as Partial<Blob>
  return typeof size === 'number' && typeof stream === 'function' && typeof arrayBuffer === 'function'
}
