import { pathToFileURL } from 'node:url'
import { hostRequire, pdsPackage } from './host-classes.ts'

const pds: typeof import('../../../examples/pds/node_modules/@atproto/pds/dist/index.d.ts') = await import(
  pathToFileURL(hostRequire.resolve(pdsPackage)).href
)

export const { envToCfg, envToSecrets, PDS } = pds
