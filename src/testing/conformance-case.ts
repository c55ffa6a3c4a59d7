import type { BlobBackend } from '../backend/backend.ts'

/** Where a backend under test keeps its bytes: empty in the beginning, and one case's alone. */
export interface BackendPlace {
  /**
   * An instance on this place, not yet opened. Called again within a case it gives what another process, or the next
   * start, would have: a second instance on the same bytes. (A backend that lives in one process gives the same.)
   */
  backend(): BlobBackend | Promise<BlobBackend>
  /** Removes the place, after every instance was closed. */
  remove?(): Promise<void>
}

/** A sentence of the contract, and how to try it. */
export interface ConformanceCase {
  readonly name: string
  /** Rejects when the backend does not keep it. */
  run(place: () => BackendPlace | Promise<BackendPlace>): Promise<void>
}

/** What a case works with. */
export interface Subject {
  /** Opened; closed after the case. */
  backend: BlobBackend
  /** One more instance on the same place, opened; closed after the case. */
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
