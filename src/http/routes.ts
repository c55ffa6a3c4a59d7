import { getBlob } from './get-blob.ts'
import { listBlobs, listMissingBlobs } from './list-blobs.ts'
import type { Route } from './request.ts'
import { uploadBlob } from './upload-blob.ts'

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

/** The method of a path, if it is one of ours. */
export function routeOf(path: string): Route | undefined {
  return byPath.get(path)
}
