import { newGeneration } from '../../../src/backend/key.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import type { Place } from './place.ts'

const most = { bytes: 1e12, blobs: 1e9, temporaryBlobs: 1e9, pendingBytes: 1e12 }

/**
 * Leaves the row of an upload whose lease is over, as of a process that died before its first byte. Rows that the kills
 * leave are due only after seconds, and any collector may take them first: a plan to die there might wait in vain.
 */
export class Abandoned {
  readonly #place: Place
  #opened: Promise<Metadata> | undefined

  constructor(place: Place) {
    this.#place = place
  }

  async leave(did: string): Promise<void> {
    this.#opened ??= this.#place.metadata().open()
    const backend = this.#place.backend().name
    const upload = { generation: newGeneration(1), backend, did, size: { known: 1 } }
    await (await this.#opened).reserve({ ...upload, quota: most, lease: 0 })
  }
}
