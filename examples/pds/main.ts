import { join } from 'node:path'
import { PDS } from '@atproto/pds'
import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
import { type Attachment, attachBlobStore } from 'pds-blobstore/pds'
import { environment } from './pds.ts'

// node examples/pds/main.ts: a PDS alone, as operators run it, with its data in PDS_DIR. Where this example says
// `environment`, a PDS in production reads its own: omit `env`.
const { PDS_DIR = '.demo/pds', PDS_PORT = '2583', PDS_ADMIN_PASSWORD = 'admin', PDS_DID_PLC_URL = '' } = process.env

const blobs = createBlobStore({
  backend: new DiskBackend({ root: join(PDS_DIR, 'blobs') }),
  metadata: sqliteMetadata(join(PDS_DIR, 'blobs.sqlite')),
  logger: console,
})
let attachment: Attachment | undefined

await PDS.run({
  env: environment({ dir: PDS_DIR, plcUrl: PDS_DID_PLC_URL, adminPassword: PDS_ADMIN_PASSWORD }, Number(PDS_PORT)),
  onCreated: async (pds) => {
    attachment = await attachBlobStore(pds, blobs)
  },
  onStarted: () => console.log(`A PDS at http://localhost:${PDS_PORT}, its data in ${PDS_DIR}`),
})
// The PDS has stopped listening, and its requests have ended.
await attachment?.stop()
await blobs.close()
