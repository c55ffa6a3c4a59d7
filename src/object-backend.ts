export { ObjectBackend, type ObjectBackendOptions } from './backend/remote/object-backend.ts'
export type {
  GetObjectOptions,
  ListObjectsOptions,
  ObjectService,
  PutObjectOptions,
  ServiceOptions,
  StoredObject,
} from './backend/remote/service.ts'
