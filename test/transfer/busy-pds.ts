import { expect } from 'vitest'
import type { BlobStore } from '../../src/index.ts'
import { bytes } from '../support/samples.ts'
import { ReferencePds } from './reference-pds.ts'

/** A running reference PDS with many accounts: it uploads, posts, takes down and deletes, and records what it has. */
export class BusyPds extends ReferencePds {
  /** The bytes of all existing blobs, by account and CID. */
  readonly expected = new Map<string, { did: string; cid: string; content: Uint8Array; seen: boolean }>()
  readonly #accounts: number
  #steps = 0

  constructor(accounts: number) {
    super()
    this.#accounts = accounts
  }

  /** One upload or so. Every seventh blob stays temporary, every eleventh is taken down, every thirteenth deleted again. */
  step(): void {
    const step = this.#steps++
    const did = `did:plc:account${step % this.#accounts}`
    const content = bytes(`blob ${step - (step % 3 === 0 ? 1 : 0)} `.repeat(1 + (step % 200)))
    const rkey = `r${step}`
    const uploaded = this.upload(did, content)
    const { cid } = uploaded
    const isNew = !this.expected.has(`${did} ${cid}`)
    if (step % 7 !== 0) this.post(did, rkey, uploaded)
    if (isNew && step % 7 !== 0 && step % 13 === 0) {
      this.unpost(did, rkey, cid)
      return
    }
    const isTakenDown = isNew && step % 7 !== 0 && step % 11 === 0
    if (isTakenDown) this.takedown(did, cid)
    if (isNew) this.expected.set(`${did} ${cid}`, { did, cid, content, seen: step % 7 !== 0 && !isTakenDown })
  }

  /** Steps while something else runs, until `done` is called. */
  keepBusy(): { done(): Promise<void> } {
    const timer = setInterval(() => this.step(), 20)
    return { done: async () => clearInterval(timer) }
  }
}

/** Every blob of the PDS is in the store, byte by byte, with the same visibility. */
export async function expectAll(blobs: BlobStore, pds: BusyPds): Promise<void> {
  for (const { did, cid, content, seen } of pds.expected.values()) {
    const reading = await blobs.read(did, cid, { as: 'moderator' })
    expect(Buffer.compare(await reading.bytes(), content), `${did} ${cid}`).toBe(0)
    expect((await blobs.stat(did, cid)) !== null, `${did} ${cid} seen`).toBe(seen)
  }
}
