import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BlobStore, createBlobStore, DiskBackend, kyselyMetadata } from '../../src/index.ts'
import { auditStore } from '../support/audit.ts'
import { Clock } from '../support/clock.ts'
import { Fuse } from '../support/fuse.ts'
import { alice, bob, bytes, chunks, day, post, unpost } from '../support/samples.ts'

// A process crashes at its n-th call to backend or database, for every n, before and after the call's effect. The next
// process must find what was acknowledged and, after collecting and sweeping, nothing else.
//
// Fails when a rule is broken: bytes before the row (src/store/upload/upload.ts: put before intend) leave orphans that
// the sweep's deletion limit finds but collecting does not; a tombstone that is removed before the deletion
// (src/maintenance/delete-doomed.ts) leaves bytes; a missing foreign key or a commit before put loses acknowledged
// blobs.

/** What the process has acknowledged: the blobs that its accounts hold, and which of their records name them. */
interface Journal {
  held: Map<string, { did: string; cid: string }>
  posts: Map<string, { did: string; cid: string }>
  /** What was purged: gone from the disk when that was acknowledged. */
  purged: string[]
  /** The running operation, whose outcome is unknown if it does not return. */
  doing: string
}

const large = () => chunks(3, 700_000)

async function life(blobs: BlobStore, clock: Clock, journal: Journal): Promise<void> {
  const upload = async (did: string, name: string, source: () => Uint8Array | AsyncIterable<Uint8Array>) => {
    journal.doing = `upload ${name}`
    const ref = await blobs.upload(did, source())
    journal.held.set(`${did} ${ref.ref}`, { did, cid: ref.ref.toString() })
    return ref
  }
  const write = async (did: string, rkey: string, ...refs: Awaited<ReturnType<typeof upload>>[]) => {
    const before = journal.posts.get(rkey)
    journal.posts.delete(rkey)
    journal.doing = `post ${rkey}`
    if (refs[0]) await post(blobs, did, rkey, ...refs)
    else await unpost(blobs, did, rkey)
    if (before) journal.held.delete(`${before.did} ${before.cid}`)
    if (refs[0]) journal.posts.set(rkey, { did, cid: refs[0].ref.toString() })
  }
  const collect = async (later: number) => {
    clock.advance(later)
    // From here on temporary blobs may be deleted.
    const named = new Set([...journal.posts.values()].map(({ did, cid }) => `${did} ${cid}`))
    for (const name of journal.held.keys()) if (!named.has(name)) journal.held.delete(name)
    journal.doing = 'collect'
    await blobs.collect()
  }
  const small = await upload(alice, 'small', () => bytes('small'))
  await write(alice, 'a', small)
  const shared = await upload(bob, 'small', () => bytes('small'))
  await write(bob, 'b', shared)
  const big = await upload(alice, 'large', large)
  await write(alice, 'c', big)
  await write(alice, 'a')
  await collect(2 * day)
  await upload(alice, 'small again', () => bytes('small'))
  await write(alice, 'a', small)
  await write(alice, 'c')
  await collect(2 * day)
  await collect(2 * day)
  journal.doing = 'sweep'
  await blobs.sweep()
  await write(bob, 'b')
  const illegal = await upload(bob, 'illegal', () => bytes('illegal'))
  await write(bob, 'd', illegal)
  await upload(alice, 'illegal', () => bytes('illegal'))
  const cid = illegal.ref.toString()
  for (const did of [alice, bob]) journal.held.delete(`${did} ${cid}`)
  journal.posts.delete('d')
  journal.doing = 'purge'
  await blobs.purge('*', cid)
  journal.purged.push(cid)
  journal.held.clear()
  journal.posts.delete('a')
  journal.doing = 'delete account'
  await blobs.deleteAccount(alice)
  await collect(2 * day)
}

const safe = () => new Fuse(0, 'before')

let home: string
let template: string
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pds-blobstore-test-'))
  template = join(home, 'template')
  mkdirSync(template)
  const { blobs, die } = process(template, safe(), new Clock())
  await blobs.ready()
  await blobs.close()
  die()
  return () => rmSync(home, { recursive: true, force: true })
})

describe.each(['before', 'after'] as const)('a crash %s', (when) => {
  test('any call of a life loses nothing and leaves nothing', async () => {
    let crashes = 0
    for (let at = 1; ; at++) {
      const folder = join(home, `${when}-${at}`)
      cpSync(template, folder, { recursive: true })
      const clock = new Clock()
      const fuse = new Fuse(at, when)
      const journal: Journal = { held: new Map(), posts: new Map(), purged: [], doing: '' }
      const first = process(folder, fuse, clock)
      const error = await life(first.blobs, clock, journal).catch((error: unknown) => error)
      first.die()
      if (!fuse.blown) {
        expect(error).toBeUndefined()
        rmSync(folder, { recursive: true, force: true })
        break
      }
      crashes += 1
      const second = process(folder, safe(), clock)
      try {
        expectGone(folder, journal.purged)
        await auditStore(second.blobs, { ...journal, folder, clock })
      } catch (error) {
        throw new Error(`after a crash ${when} call ${at}, in "${journal.doing}"`, { cause: error })
      }
      await second.blobs.close()
      second.die()
      rmSync(folder, { recursive: true, force: true })
    }
    expect(crashes).toBeGreaterThan(200)
  }, 600_000)

  // Fails when the quarantine is not of the transaction that commits the blob.
  test('any call of a quarantined upload never leaves it public, nor a quarantine without it', async () => {
    const outcomes = new Set<string>()
    for (let at = 1; ; at++) {
      const folder = join(home, `quarantine-${when}-${at}`)
      cpSync(template, folder, { recursive: true })
      const fuse = new Fuse(at, when)
      const first = process(folder, fuse, new Clock())
      first.blobs.setHooks({ inspect: async () => ({ quarantine: 'not sure' }) })
      await first.blobs.upload(alice, large()).catch(() => {})
      first.die()
      if (!fuse.blown) break
      const { blobs, die } = process(folder, safe(), new Clock())
      const [held] = (await blobs.listAll(alice)).items
      const quarantined = (await blobs.listTakedowns({ quarantined: true })).items
      expect(quarantined.map(({ cid }) => cid)).toEqual(held ? [held.cid] : [])
      if (held) expect(held.takenDown).toBe(true)
      outcomes.add(held ? 'held' : 'not held')
      await blobs.close()
      die()
    }
    expect([...outcomes]).toEqual(when === 'before' ? ['not held'] : ['not held', 'held'])
  })
})

function expectGone(folder: string, cids: readonly string[]): void {
  const files = readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, encoding: 'utf8' })
  expect(files.filter((file) => cids.some((cid) => file.includes(cid)))).toEqual([])
}

function process(folder: string, fuse: Fuse, clock: Clock): { blobs: BlobStore; die: () => void } {
  const { db, die } = fuse.database(join(folder, 'pds.sqlite'))
  const blobs = createBlobStore({
    janitor: false,
    backend: fuse.backend(new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' })),
    metadata: kyselyMetadata(db, { durability: 'relaxed', now: clock.now }),
    limits: { accept: ['*/*'] },
  })
  return { blobs, die }
}
