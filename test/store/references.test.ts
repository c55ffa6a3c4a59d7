import { encode } from '@ipld/dag-cbor'
import { sql } from 'kysely'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type AppliedWrites,
  type BlobRef,
  type BlobStore,
  cidOfBytes,
  type HostTransaction,
  type MissingBlob,
  type RecordWrite,
} from '../../src/index.ts'
import { diskPlace, hostPlace, memoryPlace, places } from '../support/places.ts'
import { alice, bob, bytes, commit, day, hour, nextRev, post, text, unpost, uriOf } from '../support/samples.ts'

describe.each(places)('references in $name', ({ make }) => {
  test('make a blob permanent, in every form that a record may have', async () => {
    const blobs = make().store()
    const forms: Record<string, (ref: BlobRef) => RecordWrite> = {
      json: (ref) => ({
        action: 'create',
        uri: uriOf(alice, 'json'),
        record: JSON.parse(JSON.stringify({ a: { ref } })),
      }),
      memory: (ref) => ({ action: 'create', uri: uriOf(alice, 'memory'), record: { a: [1, { deep: [{ ref }] }] } }),
      block: (ref) => ({ action: 'create', uri: uriOf(alice, 'block'), record: encode({ list: ['x', { ref }] }) }),
      given: (ref) => ({ action: 'create', uri: uriOf(alice, 'given'), blobs: [{ ref }] }),
      givenAsJson: (ref) => ({
        action: 'create',
        uri: uriOf(alice, 'givenAsJson'),
        blobs: [{ ref: JSON.parse(JSON.stringify(ref)) }],
      }),
    }
    for (const [form, write] of Object.entries(forms)) {
      const ref = await blobs.upload(alice, bytes(form))
      expect(await visible(blobs, alice, ref), `${form} before`).toBe(false)
      await commit(blobs, alice, write(ref))
      expect(await text((await blobs.read(alice, ref.ref)).body), form).toBe(form)
      expect(await blobs.recordsFor(alice, ref.ref), form).toEqual([uriOf(alice, form)])
    }
  })

  test('change nothing for a record without blobs', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('not named'))
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'a'), record: { text: ref.ref.toString() } })
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'b'), blobs: [] })
    await commit(blobs, alice, { action: 'delete', uri: uriOf(alice, 'never there') })
    await blobs.applyWrites(alice, [], { rev: nextRev() })
    expect(await visible(blobs, alice, ref)).toBe(false)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
  })

  test("meet the Lexicon's constraints, if they are given", async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('12345'), { mimeType: 'text/plain' })
    const naming = (constraints: object): Promise<void> =>
      commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'a'), blobs: [{ ref, ...constraints }] })

    await expect(naming({ accept: ['image/*'] })).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(naming({ accept: ['text/html', 'image/png'] })).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(naming({ accept: [] })).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(naming({ maxSize: 4 })).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    expect(await visible(blobs, alice, ref)).toBe(false)

    for (const constraints of [
      { accept: ['image/*', 'text/*'], maxSize: 5 },
      { accept: ['*/*'] },
      { accept: ['text/plain'], maxSize: 6 },
      {},
    ]) {
      await naming(constraints)
      expect(await visible(blobs, alice, ref)).toBe(true)
      await unpost(blobs, alice, 'a')
    }

    await naming({})
    await expect(naming({ maxSize: 4 }), 'when it is permanent already').rejects.toMatchObject({
      code: 'PayloadTooLarge',
    })
    await expect(naming({ accept: ['image/*'] })).rejects.toMatchObject({ code: 'InvalidMimeType' })
  })

  test('are exactly those that the record contains now', async () => {
    const blobs = make().store()
    const [a, b, c] = await uploads(blobs, 'a', 'b', 'c')
    await post(blobs, alice, 'post', a, b)
    expect(await visibleOf(blobs, a, b, c)).toEqual([true, true, false])
    await post(blobs, alice, 'post', b, c)
    expect(await visibleOf(blobs, a, b, c)).toEqual([false, true, true])
    await post(blobs, alice, 'post')
    expect(await visibleOf(blobs, a, b, c)).toEqual([false, false, false])
    expect(await blobs.recordsFor(alice, b.ref)).toEqual([])
  })

  test('are replaced by a record created a second time', async () => {
    const blobs = make().store()
    const [a, b] = await uploads(blobs, 'a', 'b')
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'x'), record: { a } })
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'x'), record: { b } })
    expect(await visibleOf(blobs, a, b)).toEqual([false, true])
  })

  test('return the blobs that lost their last one', async () => {
    const blobs = make().store()
    const [a, b, c] = await uploads(blobs, 'a', 'b', 'c')
    const lost = async (...writes: RecordWrite[]): Promise<string[]> =>
      (await blobs.applyWrites(alice, writes, { rev: nextRev() })).hidden.sort()
    const [x, y] = [uriOf(alice, 'x'), uriOf(alice, 'y')]
    expect(await lost({ action: 'create', uri: x, record: { a, b } })).toEqual([])
    expect(await lost({ action: 'create', uri: y, record: { b } })).toEqual([])
    expect(await lost({ action: 'update', uri: x, record: { b, c } })).toEqual(cidsOf(a))
    expect(await lost({ action: 'delete', uri: y }), 'another record names it').toEqual([])
    expect(await lost({ action: 'delete', uri: x }, { action: 'create', uri: y, record: { c } })).toEqual(cidsOf(b))
    expect(await lost({ action: 'update', uri: y, record: { a, b } })).toEqual(cidsOf(c))
    expect(await lost({ action: 'delete', uri: y })).toEqual(cidsOf(a, b))
    expect(await lost({ action: 'delete', uri: y })).toEqual([])
  })

  test('keep a blob until the last record that references it is gone', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('popular'))
    await post(blobs, alice, 'one', ref)
    await post(blobs, alice, 'two', ref)
    expect((await blobs.recordsFor(alice, ref.ref)).sort()).toEqual([uriOf(alice, 'one'), uriOf(alice, 'two')])
    await unpost(blobs, alice, 'one')
    expect(await visible(blobs, alice, ref)).toBe(true)
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'two')])
    await unpost(blobs, alice, 'two')
    expect(await visible(blobs, alice, ref)).toBe(false)
    expect(await blobs.stat(alice, ref.ref, { as: 'account' })).toMatchObject({ referenced: false })
  })

  test('give a blob that lost its last one the grace period from then on', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: 2 * hour } })
    const ref = await blobs.upload(alice, bytes('long ago'))
    await post(blobs, alice, 'a', ref)
    clock.advance(9 * day)
    await unpost(blobs, alice, 'a')
    clock.advance(hour)
    await blobs.collect()
    await post(blobs, alice, 'b', ref)
    expect(await visible(blobs, alice, ref)).toBe(true)
  })

  test.each(['the old record first', 'the new record first'])(
    'never leave a blob that moves between two records of one commit unreferenced: %s',
    async (order) => {
      const { store, clock } = make()
      const blobs = store()
      const [moving, staying] = await uploads(blobs, 'moving', 'staying')
      await post(blobs, alice, 'from', moving, staying)
      clock.advance(9 * day)
      const writes: RecordWrite[] = [
        { action: 'update', uri: uriOf(alice, 'from'), record: { staying } },
        { action: 'update', uri: uriOf(alice, 'to'), record: { moving } },
      ]
      await commit(blobs, alice, ...(order === 'the old record first' ? writes : writes.reverse()))
      await blobs.collect()
      clock.advance(9 * day)
      await blobs.collect()
      expect(await visibleOf(blobs, moving, staying)).toEqual([true, true])
      expect(await blobs.recordsFor(alice, moving.ref)).toEqual([uriOf(alice, 'to')])
    },
  )

  test('count once for a record that references a blob twice', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('twice'))
    await post(blobs, alice, 'a', ref, { again: JSON.parse(JSON.stringify(ref)) })
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'a')])
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    await post(blobs, alice, 'a', ref)
    expect(await visible(blobs, alice, ref)).toBe(true)
    await post(blobs, alice, 'a', ref, ref)
    await unpost(blobs, alice, 'a')
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('check each reference to a blob that a record references twice', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('twice'), { mimeType: 'text/plain' })
    for (const wrong of [
      { ...ref, mimeType: 'image/png' },
      { ...ref, size: 6 },
    ]) {
      await expect(post(blobs, alice, 'a', ref, wrong)).rejects.toMatchObject({
        code: expect.stringMatching('Invalid'),
      })
      await expect(post(blobs, alice, 'a', wrong, ref)).rejects.toMatchObject({
        code: expect.stringMatching('Invalid'),
      })
    }
    const twice = { action: 'create', uri: uriOf(alice, 'a'), blobs: [{ ref }, { ref, maxSize: 4 }] } as const
    await expect(commit(blobs, alice, twice)).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('follow the last of several writes to one record', async () => {
    const blobs = make().store()
    const [a, b, c] = await uploads(blobs, 'a', 'b', 'c')
    const [x, y, z] = [uriOf(alice, 'x'), uriOf(alice, 'y'), uriOf(alice, 'z')]
    await commit(
      blobs,
      alice,
      { action: 'create', uri: x, record: { a } },
      { action: 'create', uri: y, record: { b } },
      { action: 'delete', uri: y },
      { action: 'delete', uri: z },
      { action: 'create', uri: z, record: { c } },
      { action: 'update', uri: x, record: { c } },
    )
    expect(await visibleOf(blobs, a, b, c)).toEqual([false, false, true])
    expect((await blobs.recordsFor(alice, c.ref)).sort()).toEqual([x, z])
  })

  test('may be a hundred in one record, in one commit of a hundred records', async () => {
    const blobs = make().store()
    const refs = await uploads(blobs, ...Array.from({ length: 105 }, (_, index) => `blob ${index}`))
    const single = refs.map(
      (ref, index): RecordWrite => ({ action: 'create', uri: uriOf(alice, `post${index}`), record: { ref } }),
    )
    await commit(blobs, alice, ...single, { action: 'create', uri: uriOf(alice, 'album'), record: { refs } })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 105, imported: 105 })
    await commit(blobs, alice, ...single.map(({ uri }): RecordWrite => ({ action: 'delete', uri })))
    expect((await visibleOf(blobs, ...refs)).every(Boolean)).toBe(true)
    await unpost(blobs, alice, 'album')
    expect((await visibleOf(blobs, ...refs)).some(Boolean)).toBe(false)
  })

  test('are the same after the same writes were repeated', async () => {
    const blobs = make().store()
    const [a, b] = await uploads(blobs, 'a', 'b')
    const writes: RecordWrite[] = [
      { action: 'create', uri: uriOf(alice, 'a'), record: { a } },
      { action: 'create', uri: uriOf(alice, 'b'), record: { a, b } },
      { action: 'delete', uri: uriOf(alice, 'c') },
    ]
    const rev = nextRev()
    for (let time = 0; time < 2; time++) {
      await blobs.applyWrites(alice, writes, { rev })
      expect((await blobs.recordsFor(alice, a.ref)).sort()).toEqual([uriOf(alice, 'a'), uriOf(alice, 'b')])
      expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 2 })
    }
  })

  test('to what was never uploaded are BlobNotFound, and nothing is written', async () => {
    const blobs = make().store()
    const [good, old] = await uploads(blobs, 'good', 'old')
    const bad = missingRef('never uploaded')
    await post(blobs, alice, 'old', old)

    const failing: RecordWrite[][] = [
      [{ action: 'create', uri: uriOf(alice, 'a'), record: { good, bad } }],
      [{ action: 'create', uri: uriOf(alice, 'a'), record: { bad, good } }],
      [
        { action: 'create', uri: uriOf(alice, 'a'), record: { good } },
        { action: 'update', uri: uriOf(alice, 'old'), record: {} },
        { action: 'create', uri: uriOf(alice, 'b'), blobs: [{ ref: bad }] },
      ],
      [
        { action: 'create', uri: uriOf(alice, 'b'), record: { bad } },
        { action: 'delete', uri: uriOf(alice, 'old') },
        { action: 'create', uri: uriOf(alice, 'a'), record: { good } },
      ],
    ]
    for (const writes of failing) {
      await expect(commit(blobs, alice, ...writes)).rejects.toMatchObject({ code: 'BlobNotFound', cid: linkOf(bad) })
      expect(await visibleOf(blobs, good, old)).toEqual([false, true])
      await expect(blobs.read(alice, good.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
      expect(await blobs.recordsFor(alice, good.ref)).toEqual([])
      expect(await blobs.listMissing(alice)).toEqual({ items: [] })
      expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    }
  })

  test('with a type or size that is not the stored one are refused, every time', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('hello'), { mimeType: 'text/plain' })
    const wrong = [
      { code: 'InvalidMimeType', ref: { ...ref, mimeType: 'image/png' } },
      { code: 'InvalidMimeType', ref: { ...ref, mimeType: 'text/html' } },
      { code: 'InvalidSize', ref: { ...ref, size: 4 } },
      { code: 'InvalidSize', ref: { ...ref, size: 0 } },
    ]
    const expectRefusals = async (): Promise<void> => {
      for (const { code, ref } of wrong) {
        for (const rkey of ['first', 'second']) {
          await expect(post(blobs, alice, rkey, ref)).rejects.toMatchObject({ code })
        }
        const given = commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'third'), blobs: [{ ref }] })
        await expect(given).rejects.toMatchObject({ code })
      }
    }
    await expectRefusals()
    expect(await visible(blobs, alice, ref)).toBe(false)
    await post(blobs, alice, 'first', ref)
    await expectRefusals()
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'first')])
  })

  test.each([
    ['image/jpeg', 'image/jpg'],
    ['image/jpeg', 'Image/JPEG; q=1'],
    ['audio/wav', 'audio/vnd.wave'],
    ['video/mp4', 'audio/mp4'],
    ['application/zip', 'application/epub+zip'],
    ['application/octet-stream', '*/*'],
  ])('may spell the type differently: a blob stored as %s is referenced as %s', async (stored, claimed) => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('spelled'), { mimeType: stored, enforceLimits: false })
    for (const rkey of ['first', 'second']) await post(blobs, alice, rkey, { ...ref, mimeType: claimed })
    expect(await blobs.stat(alice, ref.ref)).toMatchObject({ mimeType: stored })
    const given = { action: 'create', uri: uriOf(alice, 'third') } as const
    await commit(blobs, alice, {
      ...given,
      blobs: [{ ref: { ...ref, mimeType: claimed }, accept: [claimed.split(';')[0] as string] }],
    })
  })

  test.each([
    ['image/jpeg', '*/*'],
    ['image/jpeg', 'image/*'],
    ['image/jpeg', 'image/png'],
    ['application/octet-stream', 'image/png'],
    ['image/png', 'application/octet-stream'],
  ])('may not reference a blob stored as %s as %s', async (stored, claimed) => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('spelled'), { mimeType: stored, enforceLimits: false })
    await expect(post(blobs, alice, 'a', { ...ref, mimeType: claimed })).rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
  })

  test('of the legacy form are refused in new records', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('old'), { mimeType: 'text/plain' })
    const legacy = { cid: ref.ref.toString(), mimeType: 'text/plain' }
    await expect(post(blobs, alice, 'a', legacy)).rejects.toMatchObject({ code: 'InvalidBlobRef' })
    const given: RecordWrite = { action: 'create', uri: uriOf(alice, 'a'), blobs: [{ ref: legacy }] }
    await expect(commit(blobs, alice, given)).rejects.toMatchObject({ code: 'InvalidBlobRef' })
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('that are broken are InvalidBlobRef, and nothing is written', async () => {
    const blobs = make().store()
    const good = await blobs.upload(alice, bytes('good'))
    const json = JSON.parse(JSON.stringify(good))
    const broken: unknown[] = [
      { ...json, size: -1 },
      { ...json, size: 1.5 },
      { ...json, size: '4' },
      { ...json, mimeType: 'nonsense' },
      { ...json, mimeType: undefined },
      { ...json, extra: true },
      { ...json, ref: json.ref.$link },
      { ...json, ref: { $link: json.ref.$link.toUpperCase() } },
      { ...json, ref: { $link: `bafyrei${json.ref.$link.slice(7)}` } },
      { ...json, ref: { $link: 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG' } },
    ]
    for (const ref of broken) {
      const what = JSON.stringify(ref)
      const naming: RecordWrite[] = [
        { action: 'create', uri: uriOf(alice, 'good'), record: { good } },
        { action: 'create', uri: uriOf(alice, 'bad'), record: { ref } },
      ]
      await expect(commit(blobs, alice, ...naming), what).rejects.toMatchObject({ code: 'InvalidBlobRef' })
      const given: RecordWrite = { action: 'create', uri: uriOf(alice, 'bad'), blobs: [{ ref: good }, { ref }] }
      await expect(commit(blobs, alice, given), what).rejects.toMatchObject({ code: 'InvalidBlobRef' })
    }
    for (const ref of [null, 'text', json.ref.$link, {}]) {
      const given = commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'bad'), blobs: [{ ref }] })
      await expect(given, String(ref)).rejects.toMatchObject({ code: 'InvalidBlobRef' })
    }
    for (const record of [null, 'a record', bytes('not dag-cbor')]) {
      const written = commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'bad'), record })
      await expect(written).rejects.toMatchObject({ code: 'InvalidBlobRef' })
    }
    expect(await visible(blobs, alice, good)).toBe(false)
  })

  test('to another account’s blob fail as if it did not exist', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('alice’s'))
    await post(blobs, alice, 'a', ref)
    const [others, nobodys] = [await failure(post(blobs, bob, 'b', ref)), await failure(post(blobs, bob, 'b', never))]
    expect(others).toMatchObject({ code: 'BlobNotFound', did: bob })
    expect(others.message.replace(ref.ref.toString(), '')).toBe(nobodys.message.replace(linkOf(never), ''))
    expect(await visible(blobs, bob, ref)).toBe(false)
  })

  test('of one account reveal nothing of another that has the same blob', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('both'))
    await blobs.upload(bob, bytes('both'))
    await post(blobs, alice, 'a', ref)
    expect(await visible(blobs, bob, ref)).toBe(false)
    await post(blobs, bob, 'b', ref)
    await unpost(blobs, alice, 'a')
    expect([await visible(blobs, alice, ref), await visible(blobs, bob, ref)]).toEqual([false, true])
  })

  test('may have whatever type and size each account’s blob has', async () => {
    const blobs = make().store()
    const [ofAlice, ofBob] = [
      await blobs.upload(alice, bytes('a,b'), { mimeType: 'text/plain' }),
      await blobs.upload(bob, bytes('a,b'), { mimeType: 'text/csv' }),
    ]
    await expect(post(blobs, alice, 'a', ofBob)).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(post(blobs, bob, 'b', ofAlice)).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await post(blobs, alice, 'a', ofAlice)
    await post(blobs, bob, 'b', ofBob)
    expect(await blobs.stat(alice, ofAlice.ref)).toMatchObject({ mimeType: 'text/plain' })
    expect(await blobs.stat(bob, ofBob.ref)).toMatchObject({ mimeType: 'text/csv' })
  })

  // Fails when the grammar is not checked, or is also checked where a store already has such a record.
  test('need the URI of a record, but what has another name can be imported, listed and deleted', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('x'))
    const odd = ['post/1', 'com.example.post', 'com.example.post/1?a', 'com.example.post/a b', 'com.example.post/1/2']
    for (const path of odd) {
      const uri = `at://${alice}/${path}`
      for (const action of ['create', 'update'] as const) {
        const error = await failure(commit(blobs, alice, { action, uri, record: { ref } }))
        expect(error, uri).toMatchObject({ code: 'InvalidArgument' })
        expect(error.message).toContain('A collection is an NSID (com.example.post), a record key has 1 to 512')
      }
      const [create, rev] = [{ action: 'create', uri, record: { ref } } as const, nextRev()]
      await blobs.applyWrites(alice, [create], { rev, missing: 'expect' })
      expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uri])
      expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('x')
      expect((await blobs.listPublic(alice)).items).toHaveLength(1)
      await commit(blobs, alice, { action: 'delete', uri })
      expect(await blobs.recordsFor(alice, ref.ref)).toEqual([])
    }
  })

  test('need records of the account itself, a revision, and known options', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('x'))
    const good: RecordWrite = { action: 'create', uri: uriOf(alice, 'good'), record: { ref } }
    for (const uri of [
      uriOf(bob, 'a'),
      'at://alice.test/app.bsky.feed.post/a',
      `at://${alice}`,
      `at://${alice}x/app.bsky.feed.post/a`,
      'https://example.com/',
      '',
      undefined as never,
    ]) {
      for (const write of [{ action: 'create', uri, record: { ref } } as const, { action: 'delete', uri } as const]) {
        await expect(commit(blobs, alice, good, write), uri).rejects.toMatchObject({ code: 'InvalidArgument' })
      }
    }
    for (const rev of ['', 'latest', '3ZZZZZZZZZZZ2', '3zzzzzzzzzzz', '3zzzzzzzzzzz22', '0zzzzzzzzzzz2', 3 as never]) {
      await expect(blobs.applyWrites(alice, [good], { rev }), rev).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    for (const options of [{ missing: 'ignore' }, { mising: 'expect' }, { trx: 1 }]) {
      const written = blobs.applyWrites(alice, [good], { rev: nextRev(), ...options } as never)
      await expect(written, JSON.stringify(options)).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    await expect(blobs.applyWrites(alice, [good], undefined as never)).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
    await expect(commit(blobs, 'alice', good)).rejects.toMatchObject({ code: 'InvalidDid' })
    for (const write of [
      { uri: uriOf(alice, 'a'), record: { ref } },
      { action: 'put', uri: uriOf(alice, 'a'), record: { ref } },
      { action: 'create', uri: uriOf(alice, 'a') },
    ]) {
      await expect(commit(blobs, alice, good, write as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('are not written when the call was aborted', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('x'))
    const reason = new Error('changed my mind')
    const writes: RecordWrite[] = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }]
    const written = blobs.applyWrites(alice, writes, { rev: nextRev(), signal: AbortSignal.abort(reason) })
    await expect(written).rejects.toBe(reason)
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('may be written concurrently', async () => {
    const blobs = make().store()
    const refs = await uploads(blobs, ...Array.from({ length: 8 }, (_, index) => `blob ${index}`))
    await Promise.all(
      refs.flatMap((ref, index) => [
        post(blobs, alice, `own${index}`, ref),
        post(blobs, alice, 'contended', ref),
        post(blobs, alice, 'shared', ...refs),
      ]),
    )
    for (const [index, ref] of refs.entries()) {
      const records = await blobs.recordsFor(alice, ref.ref)
      expect(records).toEqual(expect.arrayContaining([uriOf(alice, `own${index}`), uriOf(alice, 'shared')]))
    }
    const contended = await Promise.all(refs.map((ref) => blobs.recordsFor(alice, ref.ref)))
    expect(contended.flat().filter((uri) => uri === uriOf(alice, 'contended'))).toHaveLength(1)
  })

  test('save a blob whose grace period is over, as long as it is held', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: hour } })
    const ref = await blobs.upload(alice, bytes('just in time'))
    clock.advance(2 * hour)
    await post(blobs, alice, 'a', ref)
    clock.advance(9 * day)
    await blobs.collect()
    await blobs.collect()
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('just in time')
  })
})

describe.each(places)('expected references in $name', ({ make }) => {
  test('are listed as missing until the blob is uploaded, which is permanent at once', async () => {
    const blobs = make().store()
    const held = await blobs.upload(alice, bytes('held'))
    await blobs.upload(alice, bytes('temporary'))
    const first = missingRef('first', 'text/plain')
    const second = missingRef('second', 'text/plain')
    await importRecord(blobs, 'one', held, first)
    await importRecord(blobs, 'two', first, second)

    const uris = { one: uriOf(alice, 'one'), two: uriOf(alice, 'two') }
    const missing: MissingBlob[] = [
      { cid: linkOf(first), recordUri: uris.one },
      { cid: linkOf(first), recordUri: uris.two },
      { cid: linkOf(second), recordUri: uris.two },
    ]
    expect(await blobs.listMissing(alice)).toEqual({ items: missing.sort(byCidAndRecord) })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 3, imported: 1 })
    expect(await blobs.stat(alice, linkOf(first), { as: 'account' })).toBeNull()
    await expect(blobs.read(alice, linkOf(first))).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect(await visible(blobs, alice, held)).toBe(true)

    await blobs.upload(alice, bytes('first'), { mimeType: 'text/plain' })
    expect(await text((await blobs.read(alice, linkOf(first))).body)).toBe('first')
    expect((await blobs.recordsFor(alice, linkOf(first))).sort()).toEqual([uris.one, uris.two])
    expect(await blobs.listMissing(alice)).toEqual({ items: [{ cid: linkOf(second), recordUri: uris.two }] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 3, imported: 2 })

    await blobs.upload(alice, bytes('second'), { mimeType: 'text/plain' })
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 3, imported: 3 })
  })

  test('are listed page by page, in order of CID and record, while blobs arrive', async () => {
    const blobs = make().store()
    const refs = Array.from({ length: 11 }, (_, index) => missingRef(`blob ${index}`))
    await importRecord(blobs, 'a', ...refs)
    await importRecord(blobs, 'b', ...refs.slice(3, 7))
    const { items: all } = await blobs.listMissing(alice)
    expect(all).toHaveLength(15)
    expect(all).toEqual([...all].sort(byCidAndRecord))
    for (const limit of [1, 2, 4, 14, 15, 16]) expect(await allMissing(blobs, limit), `limit ${limit}`).toEqual(all)

    const pages = await blobs.listMissing(alice, { limit: 5 })
    const arrived = new Set([all[0]?.cid, all[9]?.cid])
    for (let index = 0; index < 11; index++) {
      if (arrived.has(linkOf(missingRef(`blob ${index}`)))) await blobs.upload(alice, bytes(`blob ${index}`))
    }
    const rest = await blobs.listMissing(alice, { cursor: pages.cursor })
    expect(rest.items).toEqual(all.slice(5).filter(({ cid }) => !arrived.has(cid)))
  })

  test.each([
    { what: 'another type', claim: { mimeType: 'image/png' } },
    { what: 'a type that says nothing', claim: { mimeType: '*/*' } },
    { what: 'a type that is none', claim: { mimeType: 'pictures' } },
    { what: 'no type', claim: { mimeType: undefined } },
    { what: 'another size', claim: { size: 3 } },
    { what: 'a size that is none', claim: { size: -1 } },
    { what: 'a size in words', claim: { size: 'large' } },
    { what: 'a key too many', claim: { alt: 'a cat' } },
  ])('are met by the bytes of their CID, when the record claims $what', async ({ claim }) => {
    const { store, clock } = make()
    const blobs = store()
    const ref = { ...missingRef('moved in', 'text/plain'), ...claim }
    await importRecord(blobs, 'a', JSON.parse(JSON.stringify(ref)))
    expect((await blobs.listMissing(alice)).items).toEqual([{ cid: linkOf(ref), recordUri: uriOf(alice, 'a') }])

    await blobs.upload(alice, bytes('moved in'), { mimeType: '*/*' })
    expect(await text((await blobs.read(alice, linkOf(ref))).body)).toBe('moved in')
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    clock.advance(9 * day)
    await blobs.collect()
    clock.advance(9 * day)
    await blobs.collect()
    expect(await text((await blobs.read(alice, linkOf(ref))).body), 'after the grace period').toBe('moved in')
    expect(await blobs.listPublic(alice)).toEqual({ items: [linkOf(ref)] })
  })

  test('are met by an upload that its type alone would refuse', async () => {
    const blobs = make().store({ limits: { accept: ['image/*'] } })
    const [png, html] = [missingRef('no PNG', 'image/png'), missingRef('<p>', 'text/html')]
    for (const mimeType of ['image/png', '*/*', undefined]) {
      await expect(blobs.upload(alice, bytes('no PNG'), { mimeType })).rejects.toMatchObject({
        code: 'InvalidMimeType',
      })
    }
    await importRecord(blobs, 'a', png, html)
    for (const mimeType of ['image/png', '*/*', undefined]) {
      expect(await blobs.upload(alice, bytes('no PNG'), { mimeType }), 'and again').toMatchObject({
        mimeType: 'image/png',
      })
    }
    expect(await visible(blobs, alice, png)).toBe(true)
    const refused = blobs.upload(alice, bytes('<p>'), { mimeType: 'text/html' })
    await expect(refused, 'not of a type that the host accepts').rejects.toMatchObject({ code: 'InvalidMimeType' })
    const ofAnother = blobs.upload(bob, bytes('no PNG'), { mimeType: 'image/png' })
    await expect(ofAnother, 'no record of that account waits').rejects.toMatchObject({ code: 'InvalidMimeType' })
  })

  test('give the blob the type of the first record, by revision, that has one', async () => {
    const blobs = make().store()
    const [early, middle, late] = [nextRev(), nextRev(), nextRev()]
    const naming = (rkey: string, rev: string, mimeType: string) =>
      importAt(blobs, rev, rkey, missingRef('a,b', mimeType))
    await naming('a', late, 'text/markdown')
    await naming('z', middle, 'text/csv')
    await naming('b', early, '*/*')
    expect(await blobs.upload(alice, bytes('a,b'), { mimeType: 'text/plain' })).toMatchObject({ mimeType: 'text/csv' })
    const uris = await blobs.recordsFor(alice, linkOf(missingRef('a,b')))
    expect(uris.sort()).toEqual(['a', 'b', 'z'].map((r) => uriOf(alice, r)))
    expect((await blobs.read(alice, linkOf(missingRef('a,b')))).mimeType).toBe('text/csv')
  })

  test('leave the type to the upload, if no record has one', async () => {
    const blobs = make().store()
    await importRecord(blobs, 'a', missingRef('a,b', '*/*'), missingRef('a,b', 'application/octet-stream'))
    expect(await blobs.upload(alice, bytes('a,b'), { mimeType: 'text/csv' })).toMatchObject({ mimeType: 'text/csv' })
  })

  test('are met in the same way when the blob was uploaded first', async () => {
    const blobs = make().store()
    await blobs.upload(alice, bytes('a,b'), { mimeType: '*/*' })
    const ref = { ...missingRef('a,b', 'text/csv'), size: 99 }
    const { differing } = await importRecord(blobs, 'a', ref)
    expect(differing).toEqual([{ cid: linkOf(ref), recordUri: uriOf(alice, 'a'), mimeType: 'text/csv', size: 99 }])
    expect(await blobs.stat(alice, linkOf(ref))).toMatchObject({ mimeType: 'text/csv', size: 3 })
    const other = await importRecord(blobs, 'b', missingRef('a,b', 'text/plain'))
    expect(other.differing).toMatchObject([{ mimeType: 'text/plain', size: 3 }])
    expect(await blobs.stat(alice, linkOf(ref)), 'a record names it by this type').toMatchObject({
      mimeType: 'text/csv',
    })
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect(await blobs.recordsFor(alice, linkOf(ref))).toEqual([uriOf(alice, 'a'), uriOf(alice, 'b')])
  })

  test('report no claim that only spells the type differently', async () => {
    const blobs = make().store()
    await blobs.upload(alice, bytes('RIFF'), { mimeType: 'audio/wav', enforceLimits: false })
    await post(blobs, alice, 'own', missingRef('RIFF', 'audio/wav'))
    const { differing } = await importRecord(blobs, 'a', missingRef('RIFF', 'audio/vnd.wave'))
    expect(differing).toEqual([])
  })

  test('to a blob that was taken down are not listed as missing: no upload could meet them', async () => {
    const blobs = make().store()
    const [taken, missing] = [missingRef('taken'), missingRef('missing')]
    await blobs.takedown(alice, linkOf(taken))
    await importRecord(blobs, 'a', taken, missing)
    expect((await blobs.listMissing(alice)).items.map(({ cid }) => cid)).toEqual([linkOf(missing)])
    await expect(blobs.upload(alice, bytes('taken'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 0 })
    await blobs.reverseTakedown(alice, linkOf(taken))
    expect((await blobs.listMissing(alice)).items).toHaveLength(2)
    await blobs.upload(alice, bytes('taken'))
    expect(await visible(blobs, alice, taken)).toBe(true)
  })

  test('keep what an imported record claims, so that it may be written again unchanged', async () => {
    const blobs = make().store()
    const ref = { ...missingRef('a,b', 'image/png'), size: 99 }
    await importRecord(blobs, 'first', missingRef('a,b', 'text/csv'))
    await importRecord(blobs, 'profile', ref)
    await blobs.upload(alice, bytes('a,b'))
    for (const time of ['once', 'twice']) {
      await post(blobs, alice, 'profile', { time }, ref)
      expect(await blobs.recordsFor(alice, linkOf(ref)), time).toContain(uriOf(alice, 'profile'))
    }
    for (const wrong of [
      { ...ref, mimeType: 'text/html' },
      { ...ref, size: 98 },
      { ...ref, size: 3 },
    ]) {
      await expect(post(blobs, alice, 'profile', wrong)).rejects.toMatchObject({
        code: expect.stringMatching(/^Invalid(MimeType|Size)$/),
      })
    }
    await expect(post(blobs, alice, 'another', ref), 'another record').rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
    const demanding: RecordWrite = { action: 'update', uri: uriOf(alice, 'profile'), blobs: [{ ref, maxSize: 2 }] }
    await expect(commit(blobs, alice, demanding)).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    await post(blobs, alice, 'profile', missingRef('a,b', 'text/csv'))
    await expect(post(blobs, alice, 'profile', ref), 'put right, and not to be made wrong').rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
  })

  test('are deleted with their record', async () => {
    const blobs = make().store()
    const [gone, staying] = [missingRef('gone'), missingRef('staying')]
    await importRecord(blobs, 'a', gone, staying)
    await importRecord(blobs, 'b', staying)
    await unpost(blobs, alice, 'a')
    expect(await blobs.listMissing(alice)).toEqual({
      items: [{ cid: linkOf(staying), recordUri: uriOf(alice, 'b') }],
    })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 0 })
    const late = await blobs.upload(alice, bytes('gone'))
    expect(await visible(blobs, alice, late), 'no record names it any more').toBe(false)
  })

  test('move with an update of their record, by import or by a client', async () => {
    const blobs = make().store()
    const [before, after] = [missingRef('before'), missingRef('after')]
    const uri = uriOf(alice, 'a')
    await importRecord(blobs, 'a', before)
    await importRecord(blobs, 'a', after)
    expect(await blobs.listMissing(alice)).toEqual({ items: [{ cid: linkOf(after), recordUri: uri }] })
    const held = await blobs.upload(alice, bytes('held'))
    await post(blobs, alice, 'a', held)
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    await blobs.upload(alice, bytes('after'))
    expect(await visibleOf(blobs, before, after, held)).toEqual([false, false, true])
  })

  test('become ordinary ones, which are deleted with the record', async () => {
    const blobs = make().store()
    const ref = missingRef('arrives')
    await importRecord(blobs, 'a', ref)
    await blobs.upload(alice, bytes('arrives'))
    expect(await visible(blobs, alice, ref)).toBe(true)
    await unpost(blobs, alice, 'a')
    expect(await visible(blobs, alice, ref)).toBe(false)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
  })

  test('may have the legacy form, which has no size', async () => {
    const blobs = make().store()
    const held = await blobs.upload(alice, bytes('held'), { mimeType: 'text/plain' })
    const missing = missingRef('missing', 'text/plain')
    await importRecord(
      blobs,
      'a',
      { cid: held.ref.toString(), mimeType: 'text/plain' },
      { cid: linkOf(missing), mimeType: 'text/plain' },
    )
    expect(await visible(blobs, alice, held)).toBe(true)
    expect((await blobs.listMissing(alice)).items.map(({ cid }) => cid)).toEqual([linkOf(missing)])
    await blobs.upload(alice, bytes('missing'), { mimeType: 'text/plain' })
    expect(await visible(blobs, alice, missing)).toBe(true)
  })

  test('that are broken are skipped, if their link names no blob', async () => {
    const blobs = make().store()
    const held = await blobs.upload(alice, bytes('held'))
    const missing = missingRef('missing')
    await importRecord(blobs, 'a', { ...missing, size: -1 }, held, { ...missing, mimeType: 'nonsense' }, missing, {
      ...missing,
      ref: { $link: 'nonsense' },
    })
    expect(await visible(blobs, alice, held)).toBe(true)
    expect(await blobs.listMissing(alice)).toEqual({
      items: [{ cid: linkOf(missing), recordUri: uriOf(alice, 'a') }],
    })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 1 })
  })

  test('of one account are not met by another’s upload', async () => {
    const blobs = make().store()
    const ref = missingRef('private')
    await blobs.upload(bob, bytes('private'))
    await importRecord(blobs, 'a', ref)
    expect((await blobs.listMissing(alice)).items).toHaveLength(1)
    await blobs.upload(bob, bytes('private'))
    expect((await blobs.listMissing(alice)).items).toHaveLength(1)
    expect(await visible(blobs, alice, ref)).toBe(false)
    expect(await blobs.listMissing(bob)).toEqual({ items: [] })
    await blobs.upload(alice, bytes('private'))
    expect([await visible(blobs, alice, ref), await visible(blobs, bob, ref)]).toEqual([true, false])
  })

  test('are not lost when their upload happens at the same time', async () => {
    const blobs = make().store()
    for (let round = 0; round < 10; round++) {
      const ref = missingRef(`round ${round}`)
      await Promise.all([importRecord(blobs, `post${round}`, ref), blobs.upload(alice, bytes(`round ${round}`))])
      expect(await visible(blobs, alice, ref)).toBe(true)
    }
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
  })
})

describe('references in the host’s transaction', () => {
  const setUp = async () => {
    const { store, db } = hostPlace()
    if (db === undefined) throw new Error('no host')
    const blobs = store()
    await sql`CREATE TABLE record (uri TEXT PRIMARY KEY)`.execute(db)
    const records = async (): Promise<number> => (await sql`SELECT uri FROM record`.execute(db)).rows.length
    const ref = await blobs.upload(alice, bytes('x'))
    const uri = uriOf(alice, 'a')
    const writeWith = async (trx: HostTransaction & typeof db, record: unknown = { ref }): Promise<void> => {
      await sql`INSERT INTO record (uri) VALUES (${uri})`.execute(trx)
      await blobs.applyWrites(alice, [{ action: 'create', uri, record }], { rev: nextRev(), trx })
    }
    return { blobs, db, records, ref, writeWith }
  }

  test('commit with its records', async () => {
    const { blobs, db, records, ref, writeWith } = await setUp()
    await db.transaction().execute(writeWith)
    expect(await records()).toBe(1)
    expect(await visible(blobs, alice, ref)).toBe(true)
  })

  test('are undone with its records', async () => {
    const { blobs, db, records, ref, writeWith } = await setUp()
    const reason = new Error('the host changed its mind')
    const undone = db.transaction().execute(async (trx) => {
      await writeWith(trx)
      expect(await blobs.stat(alice, ref.ref, { trx }), 'seen from within').toMatchObject({ referenced: true })
      throw reason
    })
    await expect(undone).rejects.toBe(reason)
    expect(await records()).toBe(0)
    expect(await visible(blobs, alice, ref)).toBe(false)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
  })

  test('roll back with the host’s records when one is refused', async () => {
    const { blobs, db, records, ref, writeWith } = await setUp()
    const refused = db.transaction().execute((trx) => writeWith(trx, { ref, never }))
    await expect(refused).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect(await records()).toBe(0)
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('work in a transaction that the host ends itself', async () => {
    const { blobs, db, records, ref, writeWith } = await setUp()
    const undone = await db.startTransaction().execute()
    await writeWith(undone)
    await undone.rollback().execute()
    expect([await records(), await visible(blobs, alice, ref)]).toEqual([0, false])
    const done = await db.startTransaction().execute()
    await writeWith(done)
    await done.commit().execute()
    expect([await records(), await visible(blobs, alice, ref)]).toEqual([1, true])
  })

  test('are visible within it, by every method that accepts it', async () => {
    const { blobs, db, ref, writeWith } = await setUp()
    const reason = new Error('undo')
    const undone = db.transaction().execute(async (trx) => {
      await writeWith(trx)
      expect(await text((await blobs.read(alice, ref.ref, { trx })).body)).toBe('x')
      expect(await blobs.listPublic(alice, { trx })).toEqual({ items: [ref.ref.toString()] })
      expect((await blobs.listAll(alice, { trx })).items).toHaveLength(1)
      expect(await blobs.listMissing(alice, { trx })).toEqual({ items: [] })
      expect(await blobs.importProgress(alice, { trx })).toEqual({ expected: 1, imported: 1 })
      expect(await blobs.recordsFor(alice, ref.ref, { trx })).toEqual([uriOf(alice, 'a')])
      expect(await blobs.usage(alice, { trx })).toMatchObject({ bytes: 1, count: 1 })
      await blobs.takedown(alice, ref.ref, { trx })
      expect(await blobs.stat(alice, ref.ref, { trx })).toBeNull()
      await blobs.reverseTakedown(alice, ref.ref, { trx })
      expect(await blobs.stat(alice, ref.ref, { trx })).not.toBeNull()
      await blobs.takedown(alice, ref.ref, { trx })
      await blobs.reopenAccount(alice, { trx })
      throw reason
    })
    await expect(undone).rejects.toBe(reason)
    expect(await blobs.stat(alice, ref.ref, { as: 'moderator' })).toMatchObject({ referenced: false, takenDown: false })
  })

  test('fail after 5 seconds, naming `trx`, when it was forgotten', async () => {
    const { blobs, db, ref } = await setUp()
    const writes: RecordWrite[] = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }]
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await db.transaction().execute(async () => {
      let failed = 0
      const calls = [
        () => blobs.applyWrites(alice, writes, { rev: nextRev() }),
        () => blobs.stat(alice, ref.ref),
        () => blobs.collect(),
      ].map(async (call) => {
        const error = await failure(call())
        failed += 1
        return error
      })
      await vi.advanceTimersByTimeAsync(4900)
      expect(failed).toBe(0)
      await vi.advanceTimersByTimeAsync(200)
      for (const error of await Promise.all(calls)) {
        expect(error).toMatchObject({ code: 'MetadataBusy', transient: true })
        expect(error.message).toMatch(/\btrx\b/)
        expect(error.message).toMatch(/upload.* before the transaction/)
      }
    })
    vi.useRealTimers()
    expect(await visible(blobs, alice, ref)).toBe(false)
    await post(blobs, alice, 'a', ref)
    expect(await visible(blobs, alice, ref)).toBe(true)
  })

  test('are refused at once where a call takes no `trx`, saying when to make it', async () => {
    const { blobs, db } = await setUp()
    await db.transaction().execute(async (trx) => {
      const calls = [
        () => blobs.upload(alice, bytes('x'), { trx } as never),
        () => blobs.deleteAccount(alice, { trx } as never),
        () => blobs.collect({ trx } as never),
        () => blobs.purge(alice, cidOfBytes(bytes('x')), { trx } as never),
      ]
      for (const call of calls) {
        const error = await failure(call())
        expect(error).toMatchObject({ code: 'InvalidArgument' })
        expect(error.message).toMatch(/^\w+: this call takes no `trx`\. Make it before or after the transaction/)
      }
    })
  })

  test.each([
    { name: 'memory', make: memoryPlace },
    { name: 'a file', make: diskPlace },
  ])('cannot be made by a store with a database of its own: $name', async ({ make }) => {
    const { db } = hostPlace()
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('x'))
    const writes: RecordWrite[] = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }]
    await db?.transaction().execute(async (trx) => {
      const written = blobs.applyWrites(alice, writes, { rev: nextRev(), trx })
      await expect(written).rejects.toMatchObject({ code: 'InvalidArgument' })
      await expect(blobs.stat(alice, ref.ref, { trx })).rejects.toMatchObject({ code: 'InvalidArgument' })
    })
    expect(await visible(blobs, alice, ref)).toBe(false)
  })

  test('need a transaction, and nothing else in its place', async () => {
    const { blobs, db, ref } = await setUp()
    const writes: RecordWrite[] = [{ action: 'create', uri: uriOf(alice, 'a'), record: { ref } }]
    for (const trx of [db, {}, 'trx', 1]) {
      const written = blobs.applyWrites(alice, writes, { rev: nextRev(), trx: trx as never })
      await expect(written, String(trx)).rejects.toMatchObject({ code: 'InvalidArgument' })
      await expect(blobs.usage(alice, { trx: trx as never })).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    expect(await visible(blobs, alice, ref)).toBe(false)
  })
})

/** A reference, as JSON writes it, to bytes that were never uploaded. */
function missingRef(content: string, mimeType = 'application/octet-stream') {
  const data = bytes(content)
  return { $type: 'blob', ref: { $link: cidOfBytes(data) }, mimeType, size: data.byteLength }
}

const never = missingRef('never uploaded')

const linkOf = (ref: { ref: { $link: string } }): string => ref.ref.$link

async function uploads<const T extends readonly string[]>(
  blobs: BlobStore,
  ...contents: T
): Promise<{ [K in keyof T]: BlobRef }> {
  const refs: BlobRef[] = []
  for (const content of contents) refs.push(await blobs.upload(alice, bytes(content)))
  return refs as never
}

const cidsOf = (...refs: BlobRef[]): string[] => refs.map(({ ref }) => ref.toString()).sort()

type AnyRef = { ref: BlobRef['ref'] | { $link: string } }

async function visible(blobs: BlobStore, did: string, { ref }: AnyRef): Promise<boolean> {
  return (await blobs.stat(did, '$link' in ref ? ref.$link : ref)) !== null
}

async function visibleOf(blobs: BlobStore, ...refs: AnyRef[]): Promise<boolean[]> {
  return Promise.all(refs.map((ref) => visible(blobs, alice, ref)))
}

/** As `post`, but as an import writes it. */
function importRecord(blobs: BlobStore, rkey: string, ...refs: unknown[]): Promise<AppliedWrites> {
  return importAt(blobs, nextRev(), rkey, ...refs)
}

function importAt(blobs: BlobStore, rev: string, rkey: string, ...refs: unknown[]): Promise<AppliedWrites> {
  const writes: RecordWrite[] = [{ action: 'create', uri: uriOf(alice, rkey), record: { refs } }]
  return blobs.applyWrites(alice, writes, { rev, missing: 'expect' })
}

async function allMissing(blobs: BlobStore, limit: number): Promise<MissingBlob[]> {
  const items: MissingBlob[] = []
  let cursor: string | undefined
  do {
    const page = await blobs.listMissing(alice, { limit, cursor })
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    cursor = page.cursor
  } while (cursor !== undefined)
  return items
}

function byCidAndRecord(a: MissingBlob, b: MissingBlob): number {
  const [left, right] = [`${a.cid} ${a.recordUri}`, `${b.cid} ${b.recordUri}`]
  return left < right ? -1 : Number(left > right)
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}
