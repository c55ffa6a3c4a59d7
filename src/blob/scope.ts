import { BlobStoreError } from '../errors.ts'

/** The scope of a reference that everybody may see the blob by. */
export const publicScope = 'public'

const grammar = /^[a-zA-Z0-9._:/-]{1,512}$/

/** @throws `InvalidArgument` unless `value` names a scope: 1 to 512 letters, digits or `._:/-` */
export function assertScope(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length <= 512 && grammar.test(value)) return
  throw new BlobStoreError('InvalidArgument', `${what}: a scope is 1 to 512 letters, digits or ._:/-`)
}

/** The scopes by which somebody sees, `public` among them. @throws `InvalidArgument` */
export function visibleScopes(what: string, scopes: readonly string[] = []): string[] {
  if (!Array.isArray(scopes)) throw new BlobStoreError('InvalidArgument', `${what}: scopes must be an array`)
  for (const scope of scopes) assertScope(what, scope)
  return [publicScope, ...scopes]
}
