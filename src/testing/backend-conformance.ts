import { abortCases } from './backend-cases/aborting.ts'
import { byteCases } from './backend-cases/bytes.ts'
import { concurrencyCases } from './backend-cases/concurrency.ts'
import { deleteCases } from './backend-cases/deleting.ts'
import { listCases } from './backend-cases/listing.ts'
import { openCases } from './backend-cases/opening.ts'
import { rangeCases } from './backend-cases/ranges.ts'
import { readCases } from './backend-cases/reading.ts'
import { spoolCases } from './backend-cases/spooling.ts'
import type { ConformanceCase } from './conformance-case.ts'

export type { BackendPlace, ConformanceCase } from './conformance-case.ts'

/**
 * Every sentence of the contract of {@link BlobBackend}, as cases for any test runner. Each case creates its own empty
 * place, so they may run in any order and concurrently. A case that fails rejects with an `AssertionError`. All
 * together take some seconds on a local backend.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { MemoryBackend } from 'pds-blobstore'
 * import { backendConformance } from 'pds-blobstore/testing'
 *
 * const place = async () => {
 *   const backend = new MemoryBackend()
 *   return { backend: () => backend }
 * }
 * for (const { name, run } of backendConformance) test(name, () => run(place))
 * ```
 */
export const backendConformance: readonly ConformanceCase[] = [
  ...openCases,
  ...byteCases,
  ...spoolCases,
  ...readCases,
  ...rangeCases,
  ...deleteCases,
  ...listCases,
  ...abortCases,
  ...concurrencyCases,
]
