import { getBlob, getSpaceBlob } from './get-blob.ts'
import { listBlobs, listMissingBlobs, listSpaceBlobs } from './list-blobs.ts'
import type { Route } from './request.ts'
import { creationHeaders } from './resumable/headers.ts'
import { uploadBlob } from './upload-blob.ts'

export const routes: Record<
  'uploadBlob' | 'getBlob' | 'listBlobs' | 'listMissingBlobs' | 'getSpaceBlob' | 'listSpaceBlobs',
  Route
> = {
  uploadBlob: {
    nsid: 'com.atproto.repo.uploadBlob',
    methods: ['POST', 'PATCH', 'GET', 'HEAD', 'DELETE'], // others than POST for an upload that continues
    public: false,
    optionsHeaders: creationHeaders,
    handle: uploadBlob,
  },
  getBlob: { nsid: 'com.atproto.sync.getBlob', methods: ['GET', 'HEAD'], public: true, file: true, handle: getBlob },
  listBlobs: { nsid: 'com.atproto.sync.listBlobs', methods: ['GET', 'HEAD'], public: true, handle: listBlobs },
  listMissingBlobs: {
    nsid: 'com.atproto.repo.listMissingBlobs',
    methods: ['GET', 'HEAD'],
    public: false,
    handle: listMissingBlobs,
  },
  getSpaceBlob: {
    nsid: 'com.atproto.space.getBlob',
    methods: ['GET', 'HEAD'],
    public: false,
    space: true,
    file: true,
    handle: getSpaceBlob,
  },
  listSpaceBlobs: {
    nsid: 'com.atproto.space.listBlobs',
    methods: ['GET', 'HEAD'],
    public: false,
    space: true,
    handle: listSpaceBlobs,
  },
}

const byPath = new Map<string, Route>(Object.values(routes).map((route) => [`/xrpc/${route.nsid}`, route]))

/** The method that a path names, if it is one of ours. */
export function routeOf(path: string, options: { authorizeSpace?: unknown }): Route | undefined {
  const route = byPath.get(path)
  return route && isServed(route, options) ? route : undefined
}

/** Without `authorizeSpace` the methods of spaces do not exist. */
export function isServed(route: Route, { authorizeSpace }: { authorizeSpace?: unknown }): boolean {
  return route.space !== true || authorizeSpace !== undefined
}
