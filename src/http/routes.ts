import type { BlobStore } from '../blob-store.ts'
import { getBlob } from './get-blob.ts'
import { listBlobs } from './list-blobs.ts'
import { listMissingBlobs } from './list-missing-blobs.ts'
import type { BlobServingOptions } from './options.ts'
import type { Reply } from './reply.ts'
import type { BlobRequest } from './request.ts'
import { uploadBlob } from './upload-blob.ts'

/** One request on its way through a method. */
export interface Call {
  readonly blobs: BlobStore
  readonly options: BlobServingOptions
  readonly request: BlobRequest
}

/** An XRPC method. */
export interface Route {
  readonly nsid: string
  readonly methods: readonly string[]
  /** Whether it asks for no authentication. */
  readonly public: boolean
  /** Whether it answers with a file, which is saved by the name of its CID. @default false */
  readonly file?: boolean
  handle(call: Call): Promise<Reply>
}

export const routes: Record<'uploadBlob' | 'getBlob' | 'listBlobs' | 'listMissingBlobs', Route> = {
  uploadBlob: { nsid: 'com.atproto.repo.uploadBlob', methods: ['POST'], public: false, handle: uploadBlob },
  getBlob: { nsid: 'com.atproto.sync.getBlob', methods: ['GET', 'HEAD'], public: true, file: true, handle: getBlob },
  listBlobs: { nsid: 'com.atproto.sync.listBlobs', methods: ['GET', 'HEAD'], public: true, handle: listBlobs },
  listMissingBlobs: {
    nsid: 'com.atproto.repo.listMissingBlobs',
    methods: ['GET', 'HEAD'],
    public: false,
    handle: listMissingBlobs,
  },
}

const byPath = new Map<string, Route>(Object.values(routes).map((route) => [`/xrpc/${route.nsid}`, route]))

/** The method that a path names, if it is one of ours. */
export function routeOf(path: string): Route | undefined {
  return byPath.get(path)
}
