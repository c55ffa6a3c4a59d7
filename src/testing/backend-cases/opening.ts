import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertHolds, assertRejects, collect, listAll, putBlob } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

export const openCases: readonly ConformanceCase[] = [
  conformanceCase(
    'it has a name of 1 to 32 of a-z, 0-9 and "-", and says whether it is durable',
    async ({ backend }) => {
      assert.match(backend.name, /^[a-z0-9-]{1,32}$/)
      assert.equal(typeof backend.durable, 'boolean')
    },
  ),

  conformanceCase('opening again is harmless', async ({ backend }) => {
    const blob = await putBlob(backend, 10)
    await backend.open()
    await assertHolds(backend, blob)
  }),

  conformanceCase('closing ends bodies with an error and discards spools, and may be repeated', async (subject) => {
    const { backend, another } = subject
    const blob = await putBlob(backend, 3_000_000)
    const [begun, waiting] = [await backend.get(blob.key), await backend.get(blob.key)]
    await begun?.body.next()
    await (await backend.spool()).write([blob.bytes])
    await backend.close()
    for (const object of [begun, waiting]) {
      assert.ok(object)
      await assertRejects(
        collect(object.body),
        backend,
        undefined,
        'a body that was open reached its end (a large one must come in pieces)',
      )
    }
    await backend.close()
    const next = await another()
    await sleep(50)
    assert.equal(await next.sweepSpools(0), 0, 'spools left behind')
    await assertHolds(next, blob)
  }),

  conformanceCase('it can be opened again after closing, as by a store whose opening failed', async (subject) => {
    const { backend } = subject
    const blob = await putBlob(backend, 300_000)
    await backend.close()
    await backend.open()
    await assertHolds(backend, blob)
    await assertHolds(backend, await putBlob(backend, 10))
    await (await backend.spool()).discard()
  }),

  conformanceCase('instances that are opened at once do not disturb each other', async ({ another }) => {
    const backends = await Promise.all([another(), another(), another(), another()])
    for (const backend of backends) {
      const blob = await putBlob(backend, 10)
      for (const other of backends) await assertHolds(other, blob)
    }
  }),

  conformanceCase('another instance sees blobs, keys and marker', async ({ backend, another }) => {
    const blob = await putBlob(backend, 100_000)
    await backend.writeMarker('mine')
    const second = await another()
    await assertHolds(second, blob)
    assert.deepEqual(await listAll(second), [blob.key])
    assert.equal(await second.readMarker(), 'mine')
  }),

  conformanceCase('there is no marker before the first', async ({ backend }) => {
    assert.equal(await backend.readMarker(), null)
  }),

  conformanceCase('when several claim the marker at once, one is first, and all get its marker', async (place) => {
    const backends = [place.backend, await place.another(), await place.another()]
    const claimed = await Promise.all(backends.map((backend, n) => backend.claimMarker(`of ${n}`)))
    assert.equal(new Set(claimed).size, 1, claimed.join(', '))
    assert.equal(await place.backend.readMarker(), claimed[0])
    assert.equal(await place.backend.claimMarker('too late'), claimed[0])
  }),

  conformanceCase('a marker is read as it was written, and replaces the one before', async ({ backend }) => {
    await backend.writeMarker('first, and longer than the second')
    await backend.writeMarker('{"id":"zweite · 第二"}')
    assert.equal(await backend.readMarker(), '{"id":"zweite · 第二"}')
    assert.deepEqual(await listAll(backend), [])
  }),

  conformanceCase('a marker that is being replaced is the old or the new one', async ({ backend, another }) => {
    const markers = ['a'.repeat(300), 'b'.repeat(20)]
    const reader = await another()
    await backend.writeMarker('a'.repeat(300))
    const writing = (async () => {
      for (let n = 0; n < 20; n++) await backend.writeMarker(markers[n % 2] ?? '')
    })()
    for (let n = 0; n < 40; n++) assert.ok(markers.includes((await reader.readMarker()) ?? ''))
    await writing
  }),
]
