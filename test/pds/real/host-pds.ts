export { envToCfg, envToSecrets, PDS } from '../../../examples/pds/node_modules/@atproto/pds/dist/index.js'
