export {
  type BackendPlace,
  backendConformance,
  type ConformanceCase,
} from './testing/backend-conformance.ts'
