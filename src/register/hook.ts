import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import type { CreatedPds } from './attach-from-environment.ts'

/** The PDS's module calls this at its end. By a symbol, because it cannot import from this package. */
const handler: unique symbol = Symbol.for('pds-blobstore.register') as never

/** The parts of the class `PDS` of `@atproto/pds` that are used. */
export interface PdsClass {
  create(...args: unknown[]): Promise<CreatedPds>
  readonly prototype: { start(...args: unknown[]): Promise<unknown> }
}

/**
 * From now on each PDS that `PDS.create` creates gets the blob store that the environment names, before it can be
 * started, whichever module loads `@atproto/pds`, by `import` or `require`. Other processes pay only for this hook:
 * nothing else is loaded before there is a PDS.
 *
 * @throws if this version of Node cannot do it
 */
export function registerPds(): void {
  const { registerHooks } = nodeModule
  if (!canHook(process.versions.node)) {
    throw new Error(
      `pds-blobstore/register: module.registerHooks of Node ${process.versions.node} is missing, or fails on what @atproto/pds loads. ` +
        'Run the PDS on Node 22.23, 24.13, 26, or later of the same line; or attach the store by code (pds-blobstore/docs/adopting.md)',
    )
  }
  Object.assign(globalThis, { [handler]: patch })
  const entries = new Set<string>()
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context)
      if (specifier === '@atproto/pds') entries.add(resolved.url)
      return resolved
    },
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!entries.has(url)) return loaded
      const source = loaded.source ?? readFileSync(fileURLToPath(url))
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
      return { ...loaded, source: `${text}\n${call}` }
    },
  })
}

/**
 * Earlier versions have incomplete hooks: with any hook installed they fail on modules that import one another. Each
 * version was tested.
 */
export function canHook(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major >= 26 || (major === 24 && minor >= 13) || (major === 22 && minor >= 23)
}

// In the scope of the module, which has the class whether it is exported by `export` or by `exports`.
const call = `;globalThis[Symbol.for('pds-blobstore.register')](typeof PDS === 'undefined' ? undefined : PDS);\n`

let isCreated = false
/** The PDSes that have their store. */
const attached = new WeakSet<object>()

function patch(pdsClass: PdsClass | undefined): void {
  if (typeof pdsClass?.create !== 'function' || typeof pdsClass.prototype?.start !== 'function') {
    throw new Error(
      'pds-blobstore/register: this @atproto/pds has no class PDS with methods create and start, so the blob store cannot be attached. ' +
        'See pds-blobstore/docs/adopting.md for the versions that it knows. To start the PDS without the store, take it out of NODE_OPTIONS',
    )
  }
  const create = pdsClass.create
  pdsClass.create = async function (this: unknown, ...args: unknown[]) {
    if (isCreated) {
      throw new Error('pds-blobstore/register: this process has a PDS already, and one blob store serves one PDS')
    }
    isCreated = true
    const pds = await create.apply(this, args)
    try {
      const { attachFromEnvironment } = await import('./attach-from-environment.ts')
      await attachFromEnvironment(pds)
    } catch (error) {
      await pds.destroy().catch(() => {})
      throw error
    }
    attached.add(pds)
    return pds
  }
  const { start } = pdsClass.prototype
  pdsClass.prototype.start = async function (this: object, ...args: unknown[]) {
    if (attached.has(this)) return start.apply(this, args)
    throw new Error(
      'pds-blobstore/register: this PDS was not created by PDS.create, so it has no blob store, and does not start. ' +
        'Attach one by code (pds-blobstore/docs/adopting.md), and take pds-blobstore/register out of NODE_OPTIONS',
    )
  }
}
