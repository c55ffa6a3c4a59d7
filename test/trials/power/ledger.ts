import type { Entry } from './journal.ts'

/** What a record references, as far as known: a write without an outcome leaves two possibilities. */
export interface RecordState {
  did: string
  could: readonly (string | null)[]
}

/** What the journals of all cycles of a store promise. */
export class Ledger {
  /** Uploads of accounts whose blobs live longer than a cycle. */
  readonly held = new Map<string, { did: string; cid: string }>()
  readonly records = new Map<string, RecordState>()
  acknowledged = 0

  /** `lasting`: whether its blobs wait long for a reference. */
  read(entries: readonly Entry[], lasting: boolean): void {
    for (const entry of entries) {
      if ('uploaded' in entry) {
        this.acknowledged += 1
        const { did, uploaded: cid } = entry
        if (lasting) this.held.set(`${did} ${cid}`, { did, cid })
      } else if ('writing' in entry) {
        const { writing: uri, did, cid } = entry
        this.records.set(uri, { did, could: [this.#state(uri), cid] })
      } else if ('written' in entry) {
        this.acknowledged += 1
        this.#settle(entry.written, 1)
      } else if ('refused' in entry) {
        this.#settle(entry.refused, 0)
      } else if ('collected' in entry) {
        this.acknowledged += 1
      }
    }
  }

  /** What was found after a cut is the new state: from now on it must stay. */
  found(uri: string, cid: string | null): void {
    const record = this.records.get(uri)
    if (record) this.records.set(uri, { did: record.did, could: [cid] })
  }

  #state(uri: string): string | null {
    return this.records.get(uri)?.could[0] ?? null
  }

  #settle(uri: string, which: 0 | 1): void {
    const record = this.records.get(uri)
    if (record) this.records.set(uri, { did: record.did, could: [record.could[which] ?? null] })
  }
}
