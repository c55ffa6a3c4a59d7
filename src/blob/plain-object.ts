/**
 * Whether `value` is an object as JSON and CBOR make them: no array, no instance of a class. The prototype is not
 * compared with `Object.prototype`, which another realm (a test runner's, a `vm` context's) has of its own.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The property's own value; undefined when there is none, or only a getter, which is not called. */
export function ownValue(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value
}

/** Whether the enumerable own keys of `object` are these and no others. Symbols are not in the data model. */
export function hasExactly(object: object, keys: readonly string[]): boolean {
  const own = Object.keys(object)
  return own.length === keys.length && keys.every((key) => own.includes(key))
}
