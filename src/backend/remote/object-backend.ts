import { BlobStoreError } from '../../errors.ts'
import { assertDelay, assertOptions } from '../../options.ts'
import type { BlobBackend } from '../backend.ts'
import { RemoteBackend } from './remote-backend.ts'
import { Requests } from './requests.ts'
import type { ObjectService } from './service.ts'

export interface ObjectBackendOptions {
  /** Where the bytes are stored. */
  service: ObjectService
  /** The name under which rows refer to this backend. It never changes. */
  name: string
  /** Whether writes that the service acknowledged survive a crash of its machines. */
  durable: boolean
  /**
   * A directory of this user alone, on a local disk, for bytes that are being received. @default one in the system's
   * temporary folder
   */
  spoolDirectory?: string | undefined
  /** How long the service may be silent, in milliseconds. @default 30_000 */
  timeout?: number | undefined
}

/**
 * A backend over anything that stores bytes under names: see {@link ObjectService} for the four methods to write. This
 * class does what all such backends share: spooling, checks of keys, ranges and sizes, checked ends of bodies, safe
 * retries, timeouts, errors.
 *
 * @example
 * ```ts
 * import { ObjectBackend, type ObjectService } from 'pds-blobstore/object-backend'
 *
 * const backendOver = (service: ObjectService) => new ObjectBackend({ service, name: 'ours', durable: true })
 * ```
 */
export class ObjectBackend extends RemoteBackend implements BlobBackend {
  /** Sends no request; `open` checks whether the service answers. @throws `InvalidArgument` */
  constructor(options: ObjectBackendOptions) {
    assertOptions('ObjectBackend', options, ['service', 'name', 'durable', 'spoolDirectory', 'timeout'])
    const { service, name, durable, spoolDirectory, timeout = 30_000 } = options
    if (typeof service?.put !== 'function' || typeof durable !== 'boolean') {
      throw new BlobStoreError('InvalidArgument', 'ObjectBackend needs `service`, and `durable`, true or false')
    }
    assertDelay('ObjectBackend: timeout', timeout, 1)
    super({
      ...{ name, durable, spoolDirectory, minFree: { bytes: 64 * 1024 * 1024, inodes: 1000 } },
      service: onlyTheFour(service),
      requests: new Requests({ bytes: timeout, answer: timeout }),
    })
  }
}

/** The host's object may have other methods, which must not be taken for those that services of this package add. */
function onlyTheFour(service: ObjectService): ObjectService {
  return {
    put: (name, body, options) => service.put(name, body, options),
    get: (name, options) => service.get(name, options),
    delete: (name, options) => service.delete(name, options),
    list: (options) => service.list(options),
  }
}
