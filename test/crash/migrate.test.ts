import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes, createBlobStore, DiskBackend, kyselyMetadata } from '../../src/index.ts'
import { Fuse } from '../support/fuse.ts'
import { Clock } from '../support/places.ts'
import { alice, bytes, chunks, day, hour, post } from '../support/samples.ts'

// A move from one backend to another crashes at its n-th call to a backend or the database, for every n, before and
// after the call's effect; then the next process continues. Every blob must be readable all the time, and at the end
// the old backend is empty and the new one has no extra copy.
//
// Fails when the copy is stored before its row (src/maintenance/replace.ts), or the old key gets no tombstone in the
// transaction of the switch (src/metadata/queries/scrub-steps.ts, `replaceContent`).

let home: string
let template: string
let cids: string[]

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pds-blobstore-test-'))
  template = join(home, 'template')
  mkdirSync(template)
  const { blobs, die } = process(template, new Fuse(0, 'before'), new Clock(), 'disk')
  const refs = [
    await blobs.upload(alice, bytes('one')),
    await blobs.upload(alice, bytes('two')),
    await blobs.upload(alice, chunks(3, 700_000)),
  ]
  await post(blobs, alice, 'all', ...refs)
  cids = refs.map(({ ref }) => ref.toString())
  await blobs.close()
  die()
  return () => rmSync(home, { recursive: true, force: true })
})

describe.each(['before', 'after'] as const)('a crash %s', (when) => {
  test('any call of a move loses nothing and leaves nothing', async () => {
    let crashes = 0
    for (let at = 1; ; at++) {
      const folder = join(home, `${when}-${at}`)
      cpSync(template, folder, { recursive: true })
      const clock = new Clock()
      const fuse = new Fuse(at, when)
      const first = process(folder, fuse, clock, 'new')
      const error = await move(first.blobs, clock).catch((error: unknown) => error)
      first.die()
      const second = process(folder, new Fuse(0, 'before'), clock, 'new')
      try {
        if (!fuse.blown) expect(error).toBeUndefined()
        await expectAll(second.blobs)
        // A process that died holds an upload until its lease is over.
        clock.advance(2 * hour)
        await move(second.blobs, clock)
        await expectAll(second.blobs)
        expect(await second.blobs.migrate()).toMatchObject({
          moved: 0,
          use: { disk: { content: false, uploads: false, doomed: false, writers: 0 } },
        })
        expect({ old: files(folder, 'disk'), new: files(folder, 'new') }).toEqual({ old: 0, new: cids.length })
      } catch (error) {
        throw new Error(`after a crash ${when} call ${at}`, { cause: error })
      } finally {
        await second.blobs.close()
        second.die()
        rmSync(folder, { recursive: true, force: true })
      }
      if (!fuse.blown) break
      crashes += 1
    }
    expect(crashes).toBeGreaterThan(50)
  }, 180_000)
})

async function move(blobs: BlobStore, clock: Clock): Promise<void> {
  await blobs.migrate()
  clock.advance(2 * day)
  await blobs.collect()
  clock.advance(2 * day)
  await blobs.collect()
}

async function expectAll(blobs: BlobStore): Promise<void> {
  for (const cid of cids) {
    const reading = await blobs.read(alice, cid)
    expect(cidOfBytes(await reading.bytes())).toBe(cid)
  }
}

function files(folder: string, backend: string): number {
  const entries = readdirSync(join(folder, backend, 'blobs'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).length
}

function process(
  folder: string,
  fuse: Fuse,
  clock: Clock,
  write: 'disk' | 'new',
): { blobs: BlobStore; die: () => void } {
  const { db, die } = fuse.database(join(folder, 'pds.sqlite'))
  const backend = (name: string) =>
    fuse.backend(new DiskBackend({ root: join(folder, name), name, durability: 'relaxed' }))
  const blobs = createBlobStore({
    janitor: false,
    backend: { write, all: { disk: backend('disk'), new: backend('new') } },
    metadata: kyselyMetadata(db, { durability: 'relaxed', now: clock.now }),
    limits: { accept: ['*/*'] },
  })
  return { blobs, die }
}
