import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

// The copy of @atproto/repo that the PDS has, found as Node finds it from there.
const pds = createRequire(new URL('../../../examples/pds/pds.ts', import.meta.url)).resolve('@atproto/pds')
const repo: typeof import('../../../examples/pds/node_modules/@atproto/repo/dist/index.d.ts') = await import(
  pathToFileURL(createRequire(pds).resolve('@atproto/repo')).href
)

export const { BlobNotFoundError } = repo
