import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobRef, BlobStore } from '../../../src/index.ts'
import type { Random } from '../../support/random.ts'
import { friends, nextRev, uriIn, uriOf, work } from '../../support/samples.ts'
import { type Content, contentOf, inChunks, large, small } from './contents.ts'
import type { Journal } from './journal.ts'
import type { Ledger } from './ledger.ts'
import type { Step } from './steps.ts'

const weights = {
  ...{ post: 40, postLarge: 7, unpost: 22, upload: 10, repost: 8, expect: 5 },
  ...{ interrupt: 3, moderate: 2, leave: 1.5, drop: 3 },
}
type Turn = keyof typeof weights

/** The turn that reaches a step which the others rarely reach. */
const turnTo: Partial<Record<Step, Turn>> = {
  ...{ reserve: 'postLarge', spool: 'postLarge', fill: 'postLarge', discard: 'interrupt', release: 'interrupt' },
  ...{ takedown: 'moderate', reverseTakedown: 'moderate', markDeleted: 'leave', deleteSome: 'leave', reopen: 'leave' },
  dropSomeOfSpace: 'drop',
}

export interface LaneOptions {
  name: string
  blobs: BlobStore
  journal: Journal
  ledger: Ledger
  random: Random
  /** For this lane alone: the account is deleted and reopened. */
  own: string
  /** Used by several lanes, in several processes; each has its own records in it. */
  shared: string
  /** Whether uploads live long: then what was uploaded must still be there. */
  lasting: boolean
}

/** One client after another: uploads, posts, deletions, one at a time; several lanes make up a process. */
export class Lane {
  readonly #it: LaneOptions
  readonly #refs: BlobRef[] = []
  #made = 0

  constructor(options: LaneOptions) {
    this.#it = options
  }

  /** Does one operation; `step` is the step of the protocol that it should reach. */
  async turn(step: Step | undefined): Promise<void> {
    const { random, own, shared, ledger, lasting } = this.#it
    // A kill came amid its deletion: the collector completes it, and until then the account cannot be reopened.
    const away = ledger.accounts.has(own)
    if (away && random.chance(0.3)) return void (await this.#reopen())
    const wanted = step && turnTo[step]
    const turn = wanted && random.chance(0.5) ? wanted : random.weighted(weights)
    const did = away || random.chance(0.5) ? shared : own
    if (turn === 'post') await this.#post(did, await this.#upload(did, this.#choose(small, 40_000)))
    else if (turn === 'postLarge') await this.#post(did, await this.#upload(did, this.#choose(large, 1_100_000)))
    else if (turn === 'unpost') await this.#write(did, [])
    else if (turn === 'upload') await this.#upload(did, this.#choose(small, 5_000))
    else if (turn === 'repost') await this.#write(did, [random.pick([...this.#refs, ...small.map(({ ref }) => ref)])])
    else if (turn === 'expect' && lasting) await this.#write(shared, [random.pick(small).ref], true)
    else if (turn === 'interrupt') await this.#interrupt(did)
    else if (turn === 'moderate' && !away) await this.#moderate()
    else if (turn === 'leave') await this.#leave()
    else if (turn === 'drop') await this.#drop()
  }

  #choose(known: readonly Content[], size: number): Content {
    const { name, random } = this.#it
    if (random.chance(0.7)) return random.pick(known)
    this.#made += 1
    return contentOf(`${name} ${process.pid} ${this.#made}`, size + random.below(size))
  }

  async #upload(did: string, content: Content): Promise<BlobRef | undefined> {
    const { journal, blobs, random } = this.#it
    const streamed = content.bytes.byteLength > 1_000_000 || random.chance(0.2)
    const ref = await journal.attempt({ what: 'upload', did, cid: content.cid }, () =>
      blobs.upload(did, streamed ? inChunks(content) : content.bytes),
    )
    if (ref) this.#refs.push(ref)
    if (this.#refs.length > 6) this.#refs.shift()
    return ref
  }

  /** Some time after the upload, so that the end of the grace period comes sometimes before it, sometimes after. */
  async #post(did: string, ref: BlobRef | undefined): Promise<void> {
    const { random, blobs, lasting } = this.#it
    if (!ref) return
    if (!lasting && random.chance(0.7)) await sleep(random.next() * 1.5 * blobs.times.grace)
    await this.#write(did, random.chance(0.2) ? [ref, random.pick(this.#refs)] : [ref])
  }

  async #write(did: string, refs: BlobRef[], expected = false): Promise<void> {
    const { name, journal, blobs, random } = this.#it
    const space = random.pick([null, null, friends, work])
    const rkey = `${name}-${random.below(6)}`
    const uri = space === null ? uriOf(did, rkey) : uriIn(space, did, rkey)
    const cids = refs.map(({ ref }) => ref.toString())
    await journal.attempt({ what: 'write', did, uri, cids, expected }, () =>
      blobs.applyWrites(
        did,
        [refs.length > 0 ? { action: 'update', uri, record: { refs } } : { action: 'delete', uri }],
        { rev: nextRev(), missing: expected ? 'expect' : 'reject' },
      ),
    )
  }

  async #interrupt(did: string): Promise<void> {
    const { journal, blobs, random } = this.#it
    const content = random.pick([...large, ...large, ...small.slice(-1)])
    const broken = inChunks(content, random.below(content.bytes.byteLength))
    await journal.attempt({ what: 'interrupt', did }, () => blobs.upload(did, broken))
  }

  async #moderate(): Promise<void> {
    const { own: did, journal, blobs, random, ledger } = this.#it
    const mine = [...ledger.records.values()].filter((record) => record.did === did).flatMap(({ cids }) => cids)
    const cid = random.pick([...mine, random.pick(small).cid])
    await journal.attempt({ what: 'takedown', did, cid }, () => blobs.takedown(did, cid))
    await this.#upload(did, random.pick(small))
    for (const hidden of ledger.hiddenOf(did)) {
      await journal.attempt({ what: 'restore', did, cid: hidden }, () => blobs.reverseTakedown(did, hidden))
    }
  }

  /** Of the lane's own account, whose records nobody else writes; one that a kill has left half dropped comes first. */
  async #drop(): Promise<void> {
    const { own: did, journal, blobs, random, ledger } = this.#it
    const space = ledger.halfDropped(did) ?? random.pick([friends, work])
    await journal.attempt({ what: 'drop', did, space }, () => blobs.dropSpace(did, space))
  }

  async #leave(): Promise<void> {
    const { own: did, journal, blobs } = this.#it
    await journal.attempt({ what: 'delete', did }, () => blobs.deleteAccount(did))
    await this.#reopen()
  }

  async #reopen(): Promise<void> {
    const { own: did, journal, blobs } = this.#it
    await journal.attempt({ what: 'reopen', did }, () => blobs.reopenAccount(did))
  }
}
