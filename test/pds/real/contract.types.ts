import type { AppContext, PDS } from '../../../examples/pds/node_modules/@atproto/pds/dist/index.js'
import type { BlobStore } from '../../../examples/pds/node_modules/@atproto/repo/dist/index.js'
import type { PdsBlobStore, PdsBlobStoreFactory, RunningPds } from '../../../src/pds.ts'

// Compiled by types.test.ts: our contract matches theirs, without importing theirs in what is shipped.

declare const ours: PdsBlobStore
export const theirs: BlobStore = ours

declare const factory: PdsBlobStoreFactory
export const resource: AppContext['blobstore'] = factory
export const inActors: AppContext['actorStore']['resources']['blobstore'] = factory

declare const pds: PDS
export const running: RunningPds = pds

/** Every method of theirs is one of ours: a new one must be noticed. */
type Missing = Exclude<keyof BlobStore, keyof PdsBlobStore>
export const missing: Missing extends never ? true : never = true
