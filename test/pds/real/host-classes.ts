import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** The line of `@atproto/pds` that these tests run on: `PDS_LINE=0.4` for the older. */
export const pdsPackage: string = process.env.PDS_LINE === '0.4' ? '@atproto/pds-0.4' : '@atproto/pds'
export const hostRequire: NodeJS.Require = createRequire(new URL('../../../examples/pds/pds.ts', import.meta.url))

// The copy of @atproto/repo that the PDS has, found as Node finds it from there.
const repo: typeof import('../../../examples/pds/node_modules/@atproto/repo/dist/index.d.ts') = await import(
  pathToFileURL(createRequire(hostRequire.resolve(pdsPackage)).resolve('@atproto/repo')).href
)

export const { BlobNotFoundError } = repo
