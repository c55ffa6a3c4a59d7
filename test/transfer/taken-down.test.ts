import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DiskTree, importPds } from '../../src/import.ts'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { alice, bytes } from '../support/samples.ts'
import { ReferencePds } from './reference-pds.ts'

// Fails when an import shows what is taken down, even for a moment, or where it is killed: for example when it lifts a
// takedown to store the bytes, or writes the references before the takedown.

const cid = cidOfBytes(bytes('bad'))

/** What changes the store; each may be the last step of an import. */
const changing = new Set(['upload', 'applyWrites', 'takedown', 'reverseTakedown'])

/** A store that dies with the n-th change, and is examined after each. */
function dyingAt(blobs: BlobStore, n: number, seen: string[]): BlobStore {
  let changes = 0
  const look = async (name: string) => {
    if ((await blobs.stat(alice, cid)) !== null) seen.push(`${name} ${changes}`)
  }
  return new Proxy(blobs, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver)
      if (typeof method !== 'function') return method
      if (!changing.has(String(name))) return method.bind(target)
      return async (...args: unknown[]) => {
        const own = ++changes
        if (own > n) throw new Error('killed')
        const answer = await method.apply(target, args)
        await look(String(name))
        if (own === n) throw new Error('killed')
        return answer
      }
    },
  })
}

/**
 * The possible states of the store before: new, or after an import that found no bytes, before the takedown or after
 * it.
 */
const before = {
  'a new store': async () => {},
  'a store that waits for the bytes': async (pds: ReferencePds, blobs: BlobStore, references: 'pds' | 'store') => {
    const tree = new DiskTree({ location: `${pds.location}.empty` })
    await importPds(blobs, { tree, actors: pds.actors, references })
  },
  'a store that waits for the bytes, and knows of no takedown': async (
    pds: ReferencePds,
    blobs: BlobStore,
    references: 'pds' | 'store',
  ) => {
    const takenDown = pds.database(alice).prepare('UPDATE blob SET takedownRef = ? WHERE cid = ?')
    takenDown.run(null, cid)
    const tree = new DiskTree({ location: `${pds.location}.empty` })
    await importPds(blobs, { tree, actors: pds.actors, references })
    takenDown.run('case 1', cid)
  },
}

describe.each(['pds', 'store'] as const)('what is taken down, references kept by the %s,', (references) => {
  test.each(Object.entries(before))('is never shown in %s, wherever an import is killed', async (_name, prepare) => {
    const pds = new ReferencePds()
    const bad = pds.upload(alice, bytes('bad'))
    pds.post(alice, 'bad', bad, pds.upload(alice, bytes('good')))
    pds.takedown(alice, bad.cid)
    const tree = new DiskTree({ location: pds.location })
    for (let n = 1, isOver = false; !isOver; n++) {
      const blobs = new FolderPlace().store()
      await prepare(pds, blobs, references)
      const seen: string[] = []
      const { findings } = await importPds(dyingAt(blobs, n, seen), { tree, actors: pds.actors, references })
      isOver = findings.length === 0
      expect(seen).toEqual([])
      expect(await blobs.stat(alice, cid)).toBe(null)
      expect(await importPds(blobs, { tree, actors: pds.actors, references })).toMatchObject({ findings: [] })
      expect(await blobs.stat(alice, cid)).toBe(null)
      expect(await blobs.stat(alice, cid, { as: 'moderator' })).toMatchObject({ referenced: true })
    }
  })

  test('by the store itself, and not by the PDS, is kept and stays so', async () => {
    const pds = new ReferencePds()
    pds.post(alice, 'bad', pds.upload(alice, bytes('bad')))
    const blobs = new FolderPlace().store()
    await blobs.takedown('*', cid)
    const tree = new DiskTree({ location: pds.location })
    const report = await importPds(blobs, { tree, actors: pds.actors, references })
    expect(report.findings.map(({ problem }) => problem)).toEqual(references === 'pds' ? ['failed'] : [])
    expect(await blobs.stat(alice, cid)).toBe(null)
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toMatchObject({ takenDown: true })
    await blobs.reverseTakedown('*', cid)
    expect(await importPds(blobs, { tree, actors: pds.actors, references })).toMatchObject({ findings: [] })
    expect(await blobs.stat(alice, cid)).not.toBe(null)
  })

  // Fails when an import stores what is purged, or fails for the whole account because of it.
  test('and purged in the store is not imported, is reported, and affects nothing else', async () => {
    const pds = new ReferencePds()
    pds.post(alice, 'bad', pds.upload(alice, bytes('bad')), pds.upload(alice, bytes('good')))
    const blobs = new FolderPlace().store()
    await blobs.purge('*', cid)
    const tree = new DiskTree({ location: pds.location })
    for (let round = 0; round < 2; round++) {
      const report = await importPds(blobs, { tree, actors: pds.actors, references })
      expect(report.findings).toMatchObject([{ problem: 'purged', did: alice, cid }])
      expect(report.findings.length).toBe(1)
      expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBe(null)
      expect(await blobs.stat(alice, cidOfBytes(bytes('good')))).not.toBe(null)
      expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    }
    await blobs.reverseTakedown('*', cid)
    expect(await importPds(blobs, { tree, actors: pds.actors, references })).toMatchObject({ findings: [] })
    expect(await blobs.stat(alice, cid)).not.toBe(null)
  })

  test('is reported and hidden if its bytes are damaged', async () => {
    const pds = new ReferencePds()
    pds.post(alice, 'bad', pds.upload(alice, bytes('bad')))
    pds.takedown(alice, cid)
    writeFileSync(join(pds.location, 'quarantine', alice, cid), 'other')
    const blobs = new FolderPlace().store()
    const tree = new DiskTree({ location: pds.location })
    const report = await importPds(blobs, { tree, actors: pds.actors, references })
    expect(report.findings).toMatchObject([{ problem: 'damaged', cid }])
    await blobs.upload(alice, bytes('bad'), { takenDown: 'store' })
    expect(await blobs.stat(alice, cid)).toBe(null)
  })
})
