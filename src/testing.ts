export {
  type BackendPlace,
  backendConformance,
  type ConformanceCase,
} from './testing/backend-conformance.ts'
export type { Fault, FaultKind, FaultPlan, FaultyMethod } from './testing/fault-plan.ts'
export { type FaultyBackend, faultyBackend } from './testing/faulty-backend.ts'
export { type MemoryBlobStoreOptions, memoryBlobStore } from './testing/memory-blob-store.ts'
export { type SampleBlob, sampleBlob, sampleBlobs } from './testing/samples/sample-blobs.ts'
