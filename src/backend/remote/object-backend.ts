import { BlobStoreError } from '../../errors.ts'
import { assertDelay, assertOptions } from '../../options.ts'
import type { BlobBackend } from '../backend.ts'
import { RemoteBackend } from './remote-backend.ts'
import { Requests } from './requests.ts'
import type { ObjectService } from './service.ts'

export interface ObjectBackendOptions {
  /** Where the bytes go. */
  service: ObjectService
  /** What rows call this backend, for ever. */
  name: string
  /** Whether the service promises that what it acknowledged survives a crash of its machines. */
  durable: boolean
  /** A directory of this user's own, on a local disk, for bytes on their way in. @default one in the system's temporary folder */
  spoolDirectory?: string | undefined
  /** How long the service may keep silent, in milliseconds. @default 30_000 */
  timeout?: number | undefined
}

/**
 * A backend over anything that keeps bytes under names: see {@link ObjectService} for the four methods to write. What all
 * such backends have in common is done here: spooling, checks of keys, ranges and sizes, bodies that end as they must,
 * repeating what may be repeated, deadlines, errors.
 *
 * @example
 * ```ts
 * import { ObjectBackend, type ObjectService } from 'pds-blobstore'
 *
 * const backendOver = (service: ObjectService) => new ObjectBackend({ service, name: 'ours', durable: true })
 * ```
 */
export class ObjectBackend extends RemoteBackend implements BlobBackend {
  /** Makes no request yet; `open` looks whether the service answers. @throws `InvalidArgument` */
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

/** The host's object may have methods of its own, which are not those that services of this package add. */
function onlyTheFour(service: ObjectService): ObjectService {
  return {
    put: (name, body, options) => service.put(name, body, options),
    get: (name, options) => service.get(name, options),
    delete: (name, options) => service.delete(name, options),
    list: (options) => service.list(options),
  }
}
