import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import pLimit from 'p-limit'
import { cidOfBytes, type MetadataAdapter } from '../../../src/index.ts'
import { CuttingProxy } from '../../support/cutting-proxy.ts'
import { closeEntries } from '../../support/entries.ts'
import { leftoverRows } from '../../support/leftover-rows.ts'
import { Random } from '../../support/random.ts'
import { day, nextRev, uriOf } from '../../support/samples.ts'
import { untilOver } from '../rounds.ts'
import type { Control } from '../trial.ts'
import { upload } from './client.ts'
import { databaseIn, storeIn } from './place.ts'
import { MortalServer } from './server.ts'

export const brokenRules = ['early', 'keep'] as const

export interface ResumeOptions {
  folder: string
  seed: string
  broken: (typeof brokenRules)[number] | null
}

/**
 * Uploads over tus while connections are cut at random bytes, and the server is killed at random moments and started
 * again. What was acknowledged stays, every blob has its bytes, and after a collection nothing else is left: of uploads
 * whose client left neither rows nor files.
 *
 * Fails when an append resolves before its bytes are stored (`early`), or expired uploads are not forgotten (`keep`).
 */
export class Resuming {
  readonly seen = { stored: 0, abandoned: 0, terminated: 0, failed: 0, resumed: 0, bytes: 0, cut: 0, kills: 0 }
  readonly findings: string[] = []
  readonly #options: ResumeOptions
  readonly #random: Random
  /** Of stored blobs: the account, the CID and the bytes' number. */
  readonly #stored: { did: string; number: number }[] = []

  constructor(options: ResumeOptions) {
    this.#options = options
    this.#random = new Random(options.seed)
  }

  /** Uploads this many files, `atOnce` at a time. */
  async upload(
    { count, atOnce, minutes }: { count: number; atOnce: number; minutes: number },
    control: Control,
  ): Promise<void> {
    const { folder, broken } = this.#options
    await using proxy = await CuttingProxy.start(0)
    const server = new MortalServer([folder, broken ?? ''], (port) => {
      proxy.port = port
    })
    proxy.cutAfter = () => (this.#random.chance(0.5) ? 500 + this.#random.below(2_000_000) : null)
    const end = performance.now() + minutes * 60_000
    const limit = pLimit(atOnce)
    let begun = 0
    const one = () =>
      limit(async () => {
        if (control.signal.aborted || performance.now() > end) return 0
        await this.#one(`${proxy.origin}/upload`, begun++)
        this.seen.cut = proxy.cut
        this.seen.kills = server.kills
        return 1
      })
    try {
      await server.start()
      server.liveDangerously(this.#random, 3000)
      const round = async () => {
        const uploaded: number[] = await Promise.all(Array.from({ length: Math.min(200, count) }, one))
        return uploaded.reduce((sum, more) => sum + more, 0)
      }
      await untilOver({ count, minutes }, control, round, (done) => this.figures(done))
    } finally {
      await server.stop()
    }
  }

  async #one(endpoint: string, number: number): Promise<void> {
    const { seen } = this
    const bytes = this.#bytesOf(number)
    const did = `did:plc:client${number}`
    const { end, cid, resumed, findings } = await upload(endpoint, did, bytes, this.#random)
    seen[end] += 1
    seen.resumed += resumed
    this.findings.push(...findings)
    if (end !== 'stored') return
    seen.bytes += bytes.length
    if (cid === cidOfBytes(bytes)) this.#stored.push({ did, number })
    else this.findings.push(`${did}: the blob is ${cid}, and should be ${cidOfBytes(bytes)}`)
  }

  /** From 1 byte to 5 MiB, different for each number. */
  #bytesOf(number: number): Uint8Array {
    const random = new Random(`${this.#options.seed} ${number}`)
    const size = 1 + random.below(random.pick([10_000, 1_000_000, 5_000_000]))
    const pattern = random.bytes(997) // so that a part at a wrong place shows
    const bytes = new Uint8Array(size)
    for (let at = 0; at < size; at++) bytes[at] = (pattern[at % 997] ?? 0) ^ (at >> 12)
    return bytes
  }

  /** Compares every blob, and looks for what is left. Every second blob is referenced; the others are collected too. */
  async check({ say }: Pick<Control, 'say'>): Promise<void> {
    const { folder, broken } = this.#options
    let ahead = 0
    const now = () => Date.now() + ahead
    const blobs = storeIn(folder, broken === 'keep' ? keepingExpired : undefined, now)
    try {
      for (const { did, number } of this.#stored) {
        const expected = this.#bytesOf(number)
        const found = await blobs
          .read(did, cidOfBytes(expected), { as: 'account' })
          .then((reading) => reading.bytes())
          .catch((error) => String(error))
        if (typeof found === 'string') this.findings.push(`${did}: ${found}`)
        else if (Buffer.compare(found, expected) !== 0) this.findings.push(`${did}: the bytes are wrong`)
        if (number % 2 === 1) continue
        const ref = (await blobs.stat(did, cidOfBytes(expected), { as: 'account' }))?.cid
        const record = {
          blob: { $type: 'blob', ref: { $link: ref }, mimeType: 'application/octet-stream', size: expected.length },
        }
        await blobs.applyWrites(did, [{ action: 'create', uri: uriOf(did, 'a'), record }], { rev: nextRev() })
      }
      const entries = new Database(databaseIn(folder))
      closeEntries(entries)
      entries.close()
      for (let round = 0; round < 4; round++) {
        ahead += 3 * day
        await blobs.collect()
        await blobs.sweep()
      }
      const { storedCount } = await blobs.stats()
      const left = filesIn(join(folder, 'blobs')) - storedCount
      if (left !== 0) this.findings.push(`${left} files are left over`)
      if (storedCount === 0) this.findings.push('no blob is left to check')
      say(`compared ${this.#stored.length} blobs; ${storedCount} are referenced, and as many files are left`)
    } finally {
      await blobs.close()
    }
    const database = new Database(databaseIn(folder), { readonly: true })
    this.findings.push(...leftoverRows(database))
    database.close()
  }

  figures(done: number): string {
    const { stored, abandoned, terminated, resumed, cut, kills } = this.seen
    return `${done} uploads: ${stored} stored, ${abandoned} abandoned, ${terminated} terminated; ${cut} connections cut, server killed ${kills} times, ${resumed} times resumed; ${this.findings.length} faults`
  }
}

/** Collects everything but expired uploads. */
const keepingExpired = (metadata: MetadataAdapter): MetadataAdapter => ({
  open: async () => ({ ...(await metadata.open()), expiredResumables: async () => [] }),
})

/** Spools are not counted: those of dead processes are deleted by the age that the file system tells, after an hour. */
function filesIn(root: string): number {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile() && /\/blobs\/blobs\//.test(`${entry.parentPath}/`)).length
}
