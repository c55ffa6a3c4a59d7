import type { BlobBackend } from '../backend/backend.ts'

/** Where a backend under test stores its bytes: empty at the beginning, and for one case alone. */
export interface BackendPlace {
  /**
   * Returns an instance on this place, not yet opened. A further call within a case returns what another process, or
   * the next start, would have: a second instance on the same bytes. (A backend that lives in one process returns the
   * same.)
   */
  backend(): BlobBackend | Promise<BlobBackend>
  /** Removes the place, after every instance was closed. */
  remove?(): Promise<void>
}

/** A sentence of the contract, and its test. */
export interface ConformanceCase {
  readonly name: string
  /** Rejects when the backend does not meet it. */
  run(place: () => BackendPlace | Promise<BackendPlace>): Promise<void>
}

/** What a case works with. */
export interface Subject {
  /** Opened; closed after the case. */
  backend: BlobBackend
  /** Opens one more instance on the same place; closed after the case. */
  another(): Promise<BlobBackend>
}

export function conformanceCase(name: string, check: (subject: Subject) => Promise<void>): ConformanceCase {
  return { name, run: async (place) => runCase(await place(), check) }
}

async function runCase(place: BackendPlace, check: (subject: Subject) => Promise<void>): Promise<void> {
  const opened: BlobBackend[] = []
  const another = async (): Promise<BlobBackend> => {
    const backend = await place.backend()
    await backend.open()
    opened.push(backend)
    return backend
  }
  try {
    await check({ backend: await another(), another })
  } finally {
    for (const backend of new Set(opened)) await backend.close()
    await place.remove?.()
  }
}
