const unsure = new WeakSet<object>()

/**
 * Says of an error that nobody knows whether the bytes are stored, as after a reset or a 500: their key is given up, but
 * the bytes may be put again under another. Not for what was already tried again, nor for what took long to fail.
 */
export function markUnsure(error: object): void {
  unsure.add(error)
}

export function isUnsure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unsure.has(error)
}
