import { join } from 'node:path'
import {
  type BlobBackend,
  type BlobStore,
  type BlobStoreLimits,
  type BlobStoreTimes,
  createBlobStore,
  DiskBackend,
  sqliteMetadata,
} from 'pds-blobstore'
import { type Attachment, attachBlobStore } from 'pds-blobstore/pds'
// '@atproto/pds' in a PDS of your own. Here it is 0.5 or, with `node --conditions=pds-0.4`, 0.4: see package.json.
import { envToCfg, envToSecrets, PDS, type ServerEnvironment } from '#pds'
import { freePort } from './free-port.ts'

export interface PdsOptions {
  /** For everything that the PDS stores. */
  dir: string
  /** Where its accounts' DIDs are registered. */
  plcUrl: string
  adminPassword: string
  /** @default a free port */
  port?: number
  /** Where bytes are stored. @default the folder `blobs` in `dir`, on disk */
  backend?: BlobBackend
  times?: BlobStoreTimes
  /** False for the PDS's own store on disk. @default true */
  attach?: boolean
  /** Limits of the store, in addition to the PDS's own. @default none */
  limits?: BlobStoreLimits
  /** In bytes. @default 300 MiB */
  blobUploadLimit?: number
}

export interface RunningPds {
  pds: PDS
  /** Where it stores everything. */
  dir: string
  url: string
  blobs: BlobStore
  /** Absent if the PDS keeps its own store. */
  attachment: Attachment | null
  close(): Promise<void>
}

/** A real PDS on loopback, with this blob store instead of its own. */
export async function startPds(options: PdsOptions): Promise<RunningPds> {
  const { dir, attach = true } = options
  const port = options.port ?? (await freePort())
  const blobs = createBlobStore({
    backend: options.backend ?? new DiskBackend({ root: join(dir, 'blobs') }),
    metadata: sqliteMetadata(join(dir, 'blobs.sqlite')),
    logger: console,
    ...(options.times ? { times: options.times } : {}),
    ...(options.limits ? { limits: options.limits } : {}),
  })
  const env = environment(options, port)
  const pds = await PDS.create(envToCfg(env), envToSecrets(env))
  // The one line. Between create and start; in your own index.js, in the onCreated of PDS.run.
  const attachment = attach ? await attachBlobStore(pds, blobs, { limits: options.limits ? 'store' : 'pds' }) : null
  await pds.start()
  return {
    ...{ pds, dir },
    url: `http://localhost:${port}`,
    blobs,
    attachment,
    async close() {
      await pds.destroy()
      await attachment?.stop()
      await blobs.close()
    },
  }
}

/** As in a pds.env, but on loopback. */
export function environment(options: PdsOptions, port: number): ServerEnvironment {
  const { dir, plcUrl, adminPassword, blobUploadLimit } = options
  return {
    devMode: true,
    hostname: 'localhost',
    port,
    dataDirectory: dir,
    blobstoreDiskLocation: join(dir, 'its-own-blobs'),
    blobUploadLimit: blobUploadLimit ?? 300 * 1024 * 1024,
    didPlcUrl: plcUrl,
    serviceHandleDomains: ['.test'],
    inviteRequired: false,
    rateLimitsEnabled: false,
    disableSsrfProtection: true,
    adminPassword,
    jwtSecret: 'a secret of this example',
    dpopSecret: '7'.repeat(64),
    plcRotationKeyK256PrivateKeyHex: '1'.repeat(64),
  }
}
