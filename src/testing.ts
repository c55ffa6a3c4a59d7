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
