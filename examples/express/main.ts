import { socialAccept } from 'pds-blobstore'
import { shutDownOnSignals } from '../shutdown.ts'
import { startPds } from './pds.ts'

// node examples/express/main.ts: the PDS alone, with its data in PDS_DIR.
const { PDS_DIR = '.demo/pds', PDS_PORT = '2583', PDS_ADMIN_PASSWORD = 'admin' } = process.env

const pds = await startPds({
  dir: PDS_DIR,
  port: Number(PDS_PORT),
  adminPassword: PDS_ADMIN_PASSWORD,
  limits: {
    maxBlobSize: 100 * 1024 * 1024,
    accept: socialAccept,
    quota: { bytes: 1024 ** 3, blobs: 1000 },
  },
})
console.log(`A small PDS at ${pds.url}, its data in ${PDS_DIR}`)

shutDownOnSignals(pds.server, pds)
