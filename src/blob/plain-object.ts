/**
 * Whether `value` is an object as JSON and CBOR decoders create them: not an array, not an instance of a class. Not
 * compared with `Object.prototype`, because another realm (a test runner's, a `vm` context's) has its own.
 */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** The object's own value of the property; undefined if there is none, or only a getter, which is not called. */
export function ownValue(object: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(object, key)?.value
}

/** Whether the enumerable own keys of `object` are these and no others. Symbols are not in the data model. */
export function hasExactly(object: object, keys: readonly string[]): boolean {
  const own = Object.keys(object)
  return own.length === keys.length && keys.every((key) => own.includes(key))
}
