import type { Deed, Line } from './journal.ts'

/** What a record references, according to acknowledgements. */
export interface Named {
  did: string
  uri: string
  cids: string[]
  /** Whether it may still be waiting for its blobs. */
  expected: boolean
}

export interface Held {
  did: string
  cid: string
  /** Until when nothing may collect it. */
  until: number
}

interface UnderWay {
  deed: Deed & { at: number }
  /** What was known of the record before. */
  record?: Named | undefined
  could?: Set<string> | undefined
}

export const pair = (did: string, cid: string): string => `${did} ${cid}`

/** What was acknowledged to one process, read from its journal. */
export class Ledger {
  /** Records whose last write was acknowledged. */
  readonly records = new Map<string, Named>()
  /** Records whose last write has no outcome: the CIDs that each may reference. */
  readonly doubtful = new Map<string, { did: string; could: Set<string> }>()
  /** Uploads that were acknowledged. */
  readonly held = new Map<string, Held>()
  /** Blobs of accounts that are, or may be, taken down. */
  readonly hidden = new Set<string>()
  /** Accounts that are deleted, or may be. */
  readonly accounts = new Map<string, 'deleted' | 'doubtful'>()
  /** Spaces of accounts that are being dropped, or were when their process died. */
  readonly #dropping = new Map<string, { did: string; space: string }>()
  /** Acknowledged, and refused with what, by deed. */
  readonly done: Record<string, number> = {}
  readonly refused: Record<string, number> = {}
  /** What should not have been refused. */
  readonly faults: string[] = []
  /** Keys of bytes that sweeps have found. */
  readonly swept = new Set<string>()
  ops = 0
  readonly #grace: number
  readonly #underWay = new Map<number, UnderWay>()

  /** `grace` is that of the process, in milliseconds. */
  constructor(grace: number) {
    this.#grace = grace
  }

  read(lines: readonly Line[]): this {
    for (const line of lines) {
      if ('what' in line) this.#begin(line)
      else if ('op' in line) this.#end(line)
      else if ('swept' in line) this.swept.add(line.swept)
      else if ('settled' in line) this.#settle()
    }
    return this
  }

  /** The account's blobs that may be taken down. */
  hiddenOf(did: string): string[] {
    const start = pair(did, '')
    return [...this.hidden].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length))
  }

  /** A space of the account whose dropping has begun, and was not acknowledged. */
  halfDropped(did: string): string | undefined {
    return [...this.#dropping.values()].find((one) => one.did === did)?.space
  }

  /** The process is dead: what was under way has no outcome. Resolves with how many uploads that were. */
  bury(): number {
    const uploads = [...this.#underWay.values()].filter(
      ({ deed }) => deed.what === 'upload' || deed.what === 'interrupt',
    ).length
    this.#underWay.clear()
    return uploads
  }

  #begin(deed: Deed & { op: number; at: number }): void {
    const { record, could } =
      deed.what === 'write' ? { record: this.records.get(deed.uri), could: this.doubtful.get(deed.uri)?.could } : {}
    this.ops = deed.op
    this.#underWay.set(deed.op, { deed, record, could })
    if (deed.what === 'write') {
      const { did, uri, cids } = deed
      this.records.delete(uri)
      this.doubtful.set(uri, { did, could: new Set(could ?? [named(record?.cids)]).add(named(cids)) })
    } else if (deed.what === 'takedown') {
      this.hidden.add(pair(deed.did, deed.cid))
    } else if (deed.what === 'delete') {
      this.#doubt(deed.did)
      this.accounts.set(deed.did, 'doubtful')
    } else if (deed.what === 'drop') {
      this.#doubtSpace(deed.did, deed.space)
      this.#dropping.set(pair(deed.did, deed.space), deed)
    }
  }

  #end(line: Line & { op: number }): void {
    const underWay = this.#underWay.get(line.op)
    this.#underWay.delete(line.op)
    if (!underWay) return
    if ('no' in line) this.#refuse(underWay, line)
    else this.#grant(underWay.deed)
  }

  #grant(deed: UnderWay['deed']): void {
    this.done[deed.what] = (this.done[deed.what] ?? 0) + 1
    if (deed.what === 'upload') {
      const { did, cid } = deed
      this.held.set(pair(did, cid), { did, cid, until: deed.at + this.#grace })
      if (this.held.size % 100 === 0) this.#prune()
    } else if (deed.what === 'write') {
      this.doubtful.delete(deed.uri)
      if (deed.cids.length > 0) this.records.set(deed.uri, deed)
    } else if (deed.what === 'restore') this.hidden.delete(pair(deed.did, deed.cid))
    else if (deed.what === 'delete') this.#forget(deed.did)
    else if (deed.what === 'drop') this.#forgetSpace(deed.did, deed.space)
    else if (deed.what === 'reopen') this.accounts.delete(deed.did)
    else if (deed.what === 'interrupt') this.faults.push('an upload whose body failed was acknowledged')
  }

  #refuse({ deed, record, could }: UnderWay, { no, why }: { no: string; why: string }): void {
    const name = `${deed.what}: ${no}`
    this.refused[name] = (this.refused[name] ?? 0) + 1
    if (!this.#mayRefuse(deed, no)) this.faults.push(`${name} (${why})`)
    if (deed.what !== 'write') return
    // It changed nothing.
    this.doubtful.delete(deed.uri)
    if (could) this.doubtful.set(deed.uri, { did: deed.did, could })
    if (record) this.records.set(deed.uri, record)
  }

  #mayRefuse(deed: Deed, code: string): boolean {
    if (code === 'MetadataBusy') return true
    if (deed.what === 'interrupt') return code === 'UploadInterrupted' || code === 'UploadTimeout'
    if (deed.what === 'upload') {
      if (code === 'BlobTakenDown') return this.hidden.has(pair(deed.did, deed.cid))
      return code === 'UploadExpired' || code === 'UploadTimeout'
    }
    // What a kill has left of its deletion is still to be collected.
    if (deed.what === 'reopen') return code === 'AccountDeleted' && this.accounts.get(deed.did) === 'doubtful'
    if (deed.what !== 'write') return false
    const { did, cids } = deed
    if (code === 'BlobTakenDown') return cids.some((cid) => this.hidden.has(pair(did, cid)))
    const promised = (cid: string) => (this.held.get(pair(did, cid))?.until ?? 0) > Date.now()
    return code === 'BlobNotFound' && !cids.every(promised)
  }

  /** What is temporary is deleted; what waited for a blob that was held references it for good. */
  #settle(): void {
    for (const record of this.records.values()) {
      if (record.cids.every((cid) => this.held.has(pair(record.did, cid)))) record.expected = false
    }
    this.held.clear()
  }

  #prune(): void {
    for (const [name, { until }] of this.held) if (until < Date.now()) this.held.delete(name)
  }

  /** The account is being deleted: until that is acknowledged, each of its records may be there or not. */
  #doubt(did: string): void {
    for (const [uri, record] of this.records) {
      if (record.did !== did) continue
      this.records.delete(uri)
      this.doubtful.set(uri, { did, could: new Set([named(record.cids)]) })
    }
    for (const record of this.doubtful.values()) if (record.did === did) record.could.add(named())
    for (const [name, blob] of this.held) if (blob.did === did) this.held.delete(name)
  }

  /** Until its dropping is acknowledged each of its records may name what it did, a part of that, or nothing. */
  #doubtSpace(did: string, space: string): void {
    for (const [uri, { cids, ...record }] of this.records) {
      if (record.did !== did || !isIn(uri, space)) continue
      this.records.delete(uri)
      this.doubtful.set(uri, { did, could: new Set([named(cids)]) })
    }
    for (const [uri, record] of this.doubtful) {
      if (record.did !== did || !isIn(uri, space)) continue
      for (const names of [...record.could]) for (const part of ['', ...names.split(' ')]) record.could.add(part)
    }
  }

  /** What is known of its records is that they name nothing. */
  #forgetSpace(did: string, space: string): void {
    this.#dropping.delete(pair(did, space))
    for (const [uri, record] of this.doubtful) {
      if (record.did === did && isIn(uri, space)) record.could = new Set([named()])
    }
  }

  #forget(did: string): void {
    this.accounts.set(did, 'deleted')
    for (const [uri, record] of this.doubtful) if (record.did === did) this.doubtful.delete(uri)
  }
}

const isIn = (uri: string, space: string): boolean => uri.startsWith(`${space}/`)

/** CIDs as one name, for sets. */
export const named = (cids: readonly string[] = []): string => [...new Set(cids)].sort().join(' ')
