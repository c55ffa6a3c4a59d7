const unsure = new WeakSet<object>()

/**
 * Marks an error after which the bytes may be stored or not, as after a reset or a 500. The key is given up, but the
 * bytes may be put again under another key. Not for what was already retried, nor for what took long to fail.
 */
export function markUnsure(error: object): void {
  unsure.add(error)
}

export function isUnsure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unsure.has(error)
}
