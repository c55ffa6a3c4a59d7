export {
  type BackendPlace,
  backendConformance,
  type ConformanceCase,
} from './testing/backend-conformance.ts'
export {
  type Fault,
  type FaultKind,
  type FaultPlan,
  type FaultyBackend,
  type FaultyMethod,
  faultyBackend,
} from './testing/faulty-backend.ts'
export { type MemoryBlobStoreOptions, memoryBlobStore } from './testing/memory-blob-store.ts'
export { type SampleBlob, sampleBlob, sampleBlobs } from './testing/samples/sample-blobs.ts'
