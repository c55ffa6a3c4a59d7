import { hasExactly, isPlainObject, ownValue } from './plain-object.ts'

// The older libraries of the AT Protocol (@atproto/lexicon, and with it @atproto/api) hold a blob reference in an
// instance of their class `BlobRef`. Its `original` is what their encoders write into the record. It is recognized by
// its shape, because a host may have another copy of the package, or another realm.

/**
 * The reference that an instance of the class `BlobRef` stands for, in the current or the legacy form; null for any
 * other value. No getter and no method is called.
 */
export function originalOf(value: unknown): object | null {
  if (typeof value !== 'object' || value === null || isPlainObject(value)) return null
  if (!hasExactly(value, ['ref', 'mimeType', 'size', 'original'])) return null
  const methods: object = Object.getPrototypeOf(value) ?? {}
  if (['ipld', 'toJSON'].some((name) => typeof ownValue(methods, name) !== 'function')) return null
  const original = ownValue(value, 'original')
  return isPlainObject(original) ? original : null
}
