export { type BlobStoreMetrics, type MetricsOptions, metricsOf } from './metrics/metrics-of.ts'
