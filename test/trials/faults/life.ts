import { sql } from 'kysely'
import { type BlobStore, type BlobStoreError, isBlobStoreError } from '../../../src/index.ts'
import { alice, bob, day, friends, nextRev, uriIn, uriOf, work } from '../../support/samples.ts'
import { Violation } from '../simulate/audit.ts'
import { bytesOf, contents, largeCid, mimeType, refOf } from '../simulate/contents.ts'
import { drop } from '../simulate/spaces.ts'
import type { Bench } from './bench.ts'

// Everything that a host does with a store, once. Each step may be repeated when it failed.

interface Step {
  name: string
  run(bench: Bench): Promise<unknown>
}

const [one = '', two = '', three = ''] = contents.keys()

const upload = (did: string, cid: string): Step => ({
  name: `upload of ${bytesOf(cid).byteLength} bytes by ${did}`,
  async run({ blobs, promises }) {
    const acknowledged = promises.beginUpload(did, cid, blobs.times.grace)
    await typed(blobs.upload(did, bytesOf(cid), { mimeType }))
    acknowledged()
  },
})

const write = (
  did: string,
  rkey: string,
  cids: readonly string[],
  missing: 'reject' | 'expect' = 'reject',
  space?: string,
): Step => ({
  name: `write ${rkey} of ${did}${space ? ' in a space' : ''}`,
  async run({ blobs, db }) {
    const uri = space ? uriIn(space, did, rkey) : uriOf(did, rkey)
    await db.transaction().execute(async (trx) => {
      const action = { action: 'update', uri, record: { embeds: cids.map(refOf) } } as const
      await typed(blobs.applyWrites(did, [action], { rev: nextRev(), missing, trx }))
      await sql`DELETE FROM record WHERE uri = ${uri}`.execute(trx)
      if (cids.length > 0)
        await sql`INSERT INTO record VALUES (${uri}, ${did}, ${space ?? 'public'}, ${cids.join(' ')}, 1)`.execute(trx)
    })
  },
})

const read = (did: string, cid: string, space?: string): Step => ({
  name: `read by ${did}${space ? ' in a space' : ''}`,
  async run({ blobs }) {
    const reading = await typed(blobs.read(did, cid, { space, verify: true }))
    const bytes = await typed(reading.bytes())
    if (Buffer.compare(bytes, bytesOf(cid)) !== 0) throw new Violation('what was read is not what was uploaded')
  },
})

const refused = (code: 'BlobNotFound' | 'BlobTakenDown', { name, run }: Step): Step => ({
  name: `${name}, refused`,
  run: (bench) =>
    run(bench).then(
      () => Promise.reject(new Violation('it is not refused')),
      (error) => (isBlobStoreError(error, code) ? undefined : Promise.reject(error)),
    ),
})

const call = (name: string, run: (blobs: BlobStore) => Promise<unknown>): Step => ({
  name,
  run: ({ blobs }) => typed(run(blobs)),
})

const wait = (time: number): Step => ({
  name: 'wait',
  async run({ world }) {
    world.now += time
  },
})

const collect = call('collect', (blobs) => blobs.collect())

const look = call('look', async (blobs) => {
  await blobs.stat(alice, one, { as: 'account' })
  await blobs.listPublic(alice)
  await blobs.listSpace(alice, friends)
  await blobs.importProgress(alice, { space: friends })
  await blobs.listAll(alice)
  await blobs.listMissing(alice)
  await blobs.importProgress(alice)
  await blobs.recordsFor(alice, one)
  await blobs.usage(alice)
})

const dropSpace = (did: string, space: string): Step => ({
  name: `drop a space of ${did}`,
  run: ({ blobs, db }) => drop(db, { did, space, forget: () => typed(blobs.dropSpace(did, space)) }),
})

const reopenAccount = (did: string): Step => ({
  name: `reopen the account of ${did}`,
  async run({ blobs, db }) {
    await db.transaction().execute(async (trx) => {
      await sql`DELETE FROM record WHERE did = ${did}`.execute(trx)
      await typed(blobs.reopenAccount(did, { trx }))
    })
  },
})

const life: readonly Step[] = [
  call('open', (blobs) => blobs.ready()),
  upload(alice, one),
  write(alice, 'a', [one]),
  upload(bob, one),
  write(bob, 'b', [one]),
  upload(alice, largeCid),
  write(alice, 'c', [largeCid]),
  read(alice, largeCid),
  read(bob, one),
  refused('BlobNotFound', write(alice, 'd', [two])),
  write(alice, 'd', [two], 'expect'),
  upload(alice, two),
  write(alice, 'e', [two], 'reject', friends),
  write(alice, 'f', [one], 'reject', work),
  write(alice, 'g', [three], 'expect', friends),
  read(alice, two, friends),
  refused('BlobNotFound', read(alice, two, work)),
  look,
  dropSpace(alice, friends),
  refused('BlobNotFound', read(alice, two, friends)),
  read(alice, one, work),
  write(alice, 'a', []),
  write(bob, 'b', [], 'expect'),
  wait(2 * day),
  collect,
  call('takedown', (blobs) => blobs.takedown('*', three)),
  refused('BlobTakenDown', upload(bob, three)),
  call('reverseTakedown', (blobs) => blobs.reverseTakedown('*', three)),
  upload(alice, two), // no longer fresh: replaces the existing bytes
  upload(bob, two),
  write(bob, 'b', [two]),
  wait(2 * day),
  collect,
  call('sweep', (blobs) => blobs.sweep()),
  call('close', (blobs) => blobs.close()),
  { name: 'open again', run: (bench) => bench.reopen() },
  call('deleteAccount', (blobs) => blobs.deleteAccount(alice)),
  reopenAccount(alice),
  upload(alice, one),
  write(alice, 'a', [one]),
  wait(2 * day),
  collect,
]

/** Is notified of what happens. */
export interface Listener {
  onStep(name: string): void
  /** A step has succeeded at once. */
  onDone(name: string): void
  onError(error: BlobStoreError): void
}

/**
 * Runs the steps. A step that fails is repeated once, by the same process or, if that was killed, by the next: as often
 * as there are faults to come.
 */
export async function live(bench: Bench, faults: number, listener: Listener): Promise<void> {
  for (const { name, run } of life) {
    listener.onStep(name)
    for (let failures = 0; ; ) {
      try {
        await bench.revive()
        await run(bench)
        if (failures === 0) listener.onDone(name)
        break
      } catch (error) {
        if (error instanceof Violation) throw error
        failures += 1
        if (failures > faults) throw new Violation(`it fails again: ${error}`, { cause: error })
        if (!bench.isDead && isBlobStoreError(error)) listener.onError(error)
      }
    }
  }
}

/** What the store rejects with is always its own error. The host's transaction is the host's business. */
async function typed<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (error) {
    if (isBlobStoreError(error) || (error as Error).name === 'Dead') throw error
    throw new Violation(`it rejects with ${error}`, { cause: error })
  }
}
