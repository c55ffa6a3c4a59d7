import { describe, expect, test } from 'vitest'
import {
  type BlobPage,
  type BlobRef,
  type BlobStat,
  type BlobStore,
  cidOfBytes,
  createBlobRef,
  type PageOptions,
  type RecordWrite,
} from '../../src/index.ts'
import { Gate } from '../support/meddling.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, day, hour, nextRev, post, unpost, uriOf } from '../support/samples.ts'

describe.each(places)('lists in $name', ({ make }) => {
  test('contain what records reference, ordered by CID', async () => {
    const blobs = make().store()
    const refs = await posted(blobs, alice, 12)
    await blobs.upload(alice, bytes('temporary'))
    await posted(blobs, bob, 3, 'bob’s')
    await post(blobs, alice, 'again', refs[3], refs[4])
    expect(await blobs.listPublic(alice)).toEqual({ items: cidsOf(refs).sort() })
    await unpost(blobs, alice, 'again')
    expect(await blobs.listPublic(alice)).toEqual({ items: cidsOf(refs).sort() })
    await unpost(blobs, alice, 'blob 3')
    expect((await blobs.listPublic(alice)).items).not.toContain(refs[3]?.ref.toString())
    expect(await blobs.listPublic('did:plc:nobody')).toEqual({ items: [] })
  })

  test('come in pages, without loss or repetition', async () => {
    const blobs = make().store()
    const refs = await posted(blobs, alice, 13)
    const all = cidsOf(refs).sort()
    for (const limit of [1, 2, 5, 12, 13, 14, 1000]) {
      const pages = await pagesOf((options) => blobs.listPublic(alice, options), limit)
      expect(pages.flat(), `limit ${limit}`).toEqual(all)
      expect(pages).toHaveLength(Math.ceil(13 / limit))
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true)
    }
  })

  test('stay complete while blobs come and go between the pages', async () => {
    const blobs = make().store()
    const refs = await posted(blobs, alice, 24)
    const all = cidsOf(refs).sort()
    const rkeyOf = new Map(refs.map((ref, index) => [ref.ref.toString(), `blob ${index}`]))
    const leaving = [1, 4, 5, 7, 8, 17, 23].map((index) => all[index] as string)
    const seen: string[] = []
    let cursor: string | undefined
    let round = 0
    do {
      const page = await blobs.listPublic(alice, { limit: 5, cursor })
      seen.push(...page.items)
      cursor = page.cursor
      // The first page's cursor may be at the sixth, or before it.
      for (const cid of leaving.splice(0, 3)) await unpost(blobs, alice, rkeyOf.get(cid) as string)
      await posted(blobs, alice, 3, `round ${round++}`)
    } while (cursor !== undefined)
    expect(new Set(seen).size, 'none twice').toBe(seen.length)
    expect(seen, 'in order').toEqual([...seen].sort())
    const stayed = all.filter((_, index) => ![1, 4, 5, 7, 8, 17, 23].includes(index))
    expect(seen).toEqual(expect.arrayContaining(stayed))
  })

  test('contain only what was written after a revision', async () => {
    const blobs = make().store()
    const refs: BlobRef[] = []
    const revs: string[] = [nextRev()]
    const write = async (rkey: string, ...named: unknown[]): Promise<void> => {
      const rev = nextRev()
      revs.push(rev)
      const uri = uriOf(alice, rkey)
      await blobs.applyWrites(alice, [{ action: 'update', uri, record: { named } }], { rev })
    }
    for (const content of ['first', 'second', 'third']) {
      const ref = await blobs.upload(alice, bytes(content))
      refs.push(ref)
      await write(content, ref)
    }
    const since = async (index: number): Promise<string[]> =>
      (await blobs.listPublic(alice, { since: revs[index] })).items.sort()
    expect(await since(0)).toEqual(cidsOf(refs).sort())
    expect(await since(1)).toEqual(cidsOf(refs.slice(1)).sort())
    expect(await since(2)).toEqual(cidsOf(refs.slice(2)))
    expect(await since(3)).toEqual([])

    await write('another record', refs[0])
    expect(await since(3)).toEqual(cidsOf(refs.slice(0, 1)))
    await write('second', refs[1])
    expect(await since(4), 'an update writes the record anew').toEqual(cidsOf(refs.slice(1, 2)))
    await unpost(blobs, alice, 'another record')
    expect(await since(3)).toEqual(cidsOf(refs.slice(1, 2)))

    const pages = await pagesOf((options) => blobs.listPublic(alice, { ...options, since: revs[0] }), 2)
    expect(pages.flat()).toEqual(cidsOf(refs).sort())
    for (const since of ['', 'yesterday', '0000000000000', 3 as never]) {
      await expect(blobs.listPublic(alice, { since })).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })

  test('of the account’s own show everything, newest first', async () => {
    const { store, clock } = make()
    const blobs = store()
    const expected: BlobStat[] = []
    for (const [index, content] of ['oldest', 'temporary', 'taken down', 'newest'].entries()) {
      clock.advance(hour)
      const ref = await blobs.upload(alice, bytes(content), { mimeType: 'text/plain' })
      if (content !== 'temporary') await post(blobs, alice, content, ref)
      if (content === 'taken down') await blobs.takedown(alice, ref.ref)
      expected[3 - index] = {
        cid: ref.ref.toString(),
        mimeType: 'text/plain',
        size: content.length,
        createdAt: new Date(clock.time),
        referenced: content !== 'temporary',
        takenDown: content === 'taken down',
      }
    }
    await blobs.upload(bob, bytes('bob’s'))
    expect(await blobs.listAll(alice)).toEqual({ items: expected })
  })

  test('of the account’s own come in pages, even if many are of one moment', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (let index = 0; index < 13; index++) {
      if (index % 5 === 0) clock.advance(hour)
      await blobs.upload(alice, bytes(`own ${index}`))
    }
    const { items: all } = await blobs.listAll(alice)
    expect(new Set(all.map(({ cid }) => cid)).size).toBe(13)
    const times = all.map(({ createdAt }) => createdAt.getTime())
    expect(times).toEqual([...times].sort((a, b) => b - a))
    for (const limit of [1, 2, 5, 12, 13, 14]) {
      const pages = await pagesOf((options) => blobs.listAll(alice, options), limit)
      expect(pages.flat(), `limit ${limit}`).toEqual(all)
      expect(pages).toHaveLength(Math.ceil(13 / limit))
    }

    const first = await blobs.listAll(alice, { limit: 6 })
    clock.advance(hour)
    await blobs.upload(alice, bytes('newer than the cursor'))
    const rest = await blobs.listAll(alice, { cursor: first.cursor })
    expect([...first.items, ...rest.items]).toEqual(all)
  })

  test('refuse an invalid limit or cursor', async () => {
    const blobs = make().store()
    await posted(blobs, alice, 3)
    const { cursor: good = '' } = await blobs.listPublic(alice, { limit: 1 })
    const base64 = (text: string): string => Buffer.from(text).toString('base64url')
    const cursors = ['', 'nonsense', '%00', 'x'.repeat(5000), good.slice(0, -5), `${good.slice(0, 8)}${good}`]
    const encoded = ['{"cid":1}', '["a"]', '["a","b","c"]', '[1,2]', '"ab"', 'null'].map(base64)
    const lists = [
      (options: PageOptions) => blobs.listPublic(alice, options),
      (options: PageOptions) => blobs.listAll(alice, options),
      (options: PageOptions) => blobs.listMissing(alice, options),
    ]
    const others = [
      ['own', 'NaN', 'x'],
      ['own', '1.5', 'x'],
      ['own', '', 'x'],
      ['own', '\0', 'x'],
      ['own', '1', '\0'],
    ]
    encoded.push(...others.slice(0, 1).map((parts) => base64(JSON.stringify(['other', ...parts]))))
    for (const parts of others) {
      const cursor = base64(JSON.stringify(parts))
      await expect(blobs.listAll(alice, { cursor }), `${parts}`).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    await blobs.listPublic(alice, { cursor: good })
    for (const other of [blobs.listAll(alice, { cursor: good }), blobs.listMissing(alice, { cursor: good })]) {
      await expect(other, 'the cursor of another list').rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    for (const list of lists) {
      for (const limit of [0, -1, 1001, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5' as never]) {
        await expect(list({ limit }), `${list} ${limit}`).rejects.toMatchObject({ code: 'InvalidArgument' })
      }
      for (const cursor of [...cursors, ...encoded, 7 as never]) {
        const what = `${list} ${String(cursor).slice(0, 20)}`
        await expect(list({ cursor }), what).rejects.toMatchObject({ code: 'InvalidArgument' })
      }
      await expect(list({ limits: 3 } as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
      await expect(list({ signal: AbortSignal.abort('reason') })).rejects.toBe('reason')
      await list({ limit: 1 })
      await list({ limit: 1000 })
    }
    for (const did of ['', 'alice', '*']) {
      await expect(blobs.listPublic(did)).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.listAll(did)).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.listMissing(did)).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.importProgress(did)).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.usage(did)).rejects.toMatchObject({ code: 'InvalidDid' })
    }
  })

  test('have 500 entries to a page by default', async () => {
    const blobs = make().store()
    const missing = Array.from({ length: 501 }, (_, index) => {
      const cid = cidOfBytes(bytes(`missing ${index}`))
      return { $type: 'blob', ref: { $link: cid }, mimeType: 'image/png', size: 1 }
    })
    await blobs.applyWrites(alice, [{ action: 'create', uri: uriOf(alice, 'a'), record: { missing } }], {
      rev: nextRev(),
      missing: 'expect',
    })
    const page = await blobs.listMissing(alice)
    expect(page.items).toHaveLength(500)
    expect((await blobs.listMissing(alice, { cursor: page.cursor })).items).toHaveLength(1)
  })

  test('of records contain those of the account that reference the blob', async () => {
    const blobs = make().store()
    const [shared, other] = [await blobs.upload(alice, bytes('shared')), await blobs.upload(alice, bytes('other'))]
    await blobs.upload(bob, bytes('shared'))
    await post(blobs, alice, 'b', shared)
    await post(blobs, alice, 'a', shared, other)
    await post(blobs, bob, 'c', shared)
    expect((await blobs.recordsFor(alice, shared.ref)).sort()).toEqual([uriOf(alice, 'a'), uriOf(alice, 'b')])
    expect(await blobs.recordsFor(bob, shared.ref)).toEqual([uriOf(bob, 'c')])
    expect(await blobs.recordsFor(bob, other.ref)).toEqual([])
    expect(await blobs.recordsFor(alice, cidOfBytes(bytes('never')))).toEqual([])
  })

  test('count what records reference, and what of it is held', async () => {
    const blobs = make().store()
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
    const refs = await posted(blobs, alice, 3)
    await blobs.upload(alice, bytes('temporary blobs count nowhere'))
    await post(blobs, alice, 'twice', ...refs)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 3, imported: 3 })
    expect(await blobs.importProgress(bob)).toEqual({ expected: 0, imported: 0 })
  })
})

describe.each(places)('usage in $name', ({ make }) => {
  const nothing = { bytes: 0, count: 0, reserved: 0, pending: 0 }

  test('grows with uploads and shrinks with collections', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: hour, deleteDelay: day } })
    expect(await blobs.usage(alice)).toEqual(nothing)
    const kept = await blobs.upload(alice, bytes('12345'))
    await blobs.upload(alice, bytes('123'))
    await blobs.upload(alice, bytes(''))
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 8, count: 3 })
    await post(blobs, alice, 'a', kept)
    clock.advance(2 * hour)
    await blobs.collect()
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 5, count: 1, pending: 3 })
    clock.advance(2 * day)
    await blobs.collect()
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 5, count: 1 })
    await unpost(blobs, alice, 'a')
    expect(await blobs.usage(alice), 'until it is collected').toEqual({ ...nothing, bytes: 5, count: 1 })
    for (let round = 0; round < 2; round++) {
      clock.advance(2 * day)
      await blobs.collect()
    }
    expect(await blobs.usage(alice)).toEqual(nothing)
  })

  test('includes running uploads, and excludes them when they end', async () => {
    const blobs = make().store({ limits: { maxBlobSize: 10_000_000, accept: ['*/*'] } })
    const gate = new Gate()
    async function* slow(fails: boolean): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 40; index++) yield new Uint8Array(100_000)
      await gate.pass()
      if (fails) throw new Error('the line went dead')
    }
    const uploads = Promise.allSettled([
      blobs.upload(alice, slow(false), { size: 4_000_000 }),
      blobs.upload(bob, slow(true), { size: 4_000_000 }),
    ])
    await expect.poll(async () => (await blobs.usage(alice)).reserved, { timeout: 2000 }).toBeGreaterThanOrEqual(4e6)
    await expect.poll(async () => (await blobs.usage(bob)).reserved, { timeout: 2000 }).toBeGreaterThanOrEqual(4e6)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0 })
    gate.open()
    expect((await uploads).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 4_000_000, count: 1 })
    expect(await blobs.usage(bob)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
  })

  test('does not show whether another account has the same bytes', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: hour, deleteDelay: day } })
    const carol = 'did:plc:carol'
    await post(blobs, carol, 'a', await blobs.upload(carol, bytes('shared')))
    const ofAlice: unknown[] = []
    const ofBob: unknown[] = []
    const look = async (): Promise<void> => {
      ofAlice.push(await blobs.usage(alice))
      ofBob.push(await blobs.usage(bob))
    }
    await blobs.upload(alice, bytes('shared'))
    await blobs.upload(bob, bytes('unique'))
    await look()
    clock.advance(2 * hour)
    await blobs.collect()
    await look()
    clock.advance(2 * day)
    await blobs.collect()
    await look()
    expect(ofAlice).toEqual(ofBob)
  })
})

describe.each(places)('the accounts in $name', ({ make }) => {
  test('are listed in pages, including deleted ones', async () => {
    const blobs = make().store()
    const dids = ['did:plc:a', 'did:plc:b', 'did:plc:c']
    for (const did of [...dids].reverse()) await blobs.upload(did, bytes(did))
    await blobs.deleteAccount('did:plc:b')
    // Fails when every account's row counts: these never had a blob.
    await blobs.deleteAccount('did:plc:never')
    await blobs.applyWrites('did:plc:none', [{ action: 'delete', uri: uriOf('did:plc:none', 'a') }], { rev: nextRev() })
    expect(await blobs.stats()).toMatchObject({ accounts: 3 })
    // Fails when only blobs count: an import would not see that this account is gone from the PDS.
    const record = { blob: createBlobRef({ cid: cidOfBytes(bytes('awaited')), mimeType: 'text/plain', size: 7 }) }
    const write: RecordWrite = { action: 'create', uri: uriOf('did:plc:waiting', 'a'), record }
    await blobs.applyWrites('did:plc:waiting', [write], { rev: nextRev(), missing: 'expect' })
    dids.push('did:plc:waiting')
    const pages = await pagesOf((options) => blobs.listAccounts(options), 2)
    expect(pages.map((page) => page.length)).toEqual([2, 2])
    expect(pages.flat()).toMatchObject(dids.map((did) => ({ did, deleted: did === 'did:plc:b' })))
  })
})

const cidsOf = (refs: readonly BlobRef[]): string[] => refs.map(({ ref }) => ref.toString())

/** Each in a record of its own, whose key is its content. */
async function posted(blobs: BlobStore, did: string, count: number, name = 'blob'): Promise<BlobRef[]> {
  const refs: BlobRef[] = []
  for (let index = 0; index < count; index++) {
    const ref = await blobs.upload(did, bytes(`${name} ${index}`))
    await post(blobs, did, `${name} ${index}`, ref)
    refs.push(ref)
  }
  return refs
}

async function pagesOf<T>(list: (options: PageOptions) => Promise<BlobPage<T>>, limit: number): Promise<T[][]> {
  const pages: T[][] = []
  let cursor: string | undefined
  do {
    const page = await list({ limit, cursor })
    pages.push(page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return pages
}
