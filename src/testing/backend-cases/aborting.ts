import assert from 'node:assert/strict'
import type { CallOptions } from '../../backend/backend.ts'
import { assertAbsent, assertHolds, listAll, makeBlob, putBlob, putBlobs } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

export const abortCases: readonly ConformanceCase[] = [
  conformanceCase('every call rejects with the reason of a signal that was aborted before', async ({ backend }) => {
    const blob = await putBlob(backend, 10)
    const unborn = makeBlob(10)
    const calls: ((options: CallOptions) => Promise<unknown>)[] = [
      (options) => backend.open(options),
      (options) => backend.spool(options),
      (options) => backend.put(unborn.key, unborn.body, options),
      (options) => backend.get(blob.key, options),
      (options) => backend.has(blob.key, options),
      (options) => backend.delete([blob.key], options),
      (options) => backend.list(options),
      (options) => backend.sweepSpools(0, options),
      (options) => backend.readMarker(options),
      (options) => backend.claimMarker('never', options),
      (options) => backend.writeMarker('never', options),
    ]
    for (const reason of [new Error('enough'), 'a string', Object.assign(new Error(), { code: 'EIO', syscall: 'x' })]) {
      for (const call of calls) await rejectsWith(reason, call({ signal: AbortSignal.abort(reason) }))
    }
    await assertHolds(backend, blob)
    await assertAbsent(backend, unborn)
    assert.equal(await backend.readMarker(), null)
  }),

  conformanceCase('a put that is aborted rejects with the reason, or had completed', async ({ backend }) => {
    for (let turns = 0; turns < 24; turns++) {
      const blob = makeBlob(2_000_000)
      const abort = new AbortController()
      const reason = new Error('enough')
      const put = backend.put(blob.key, blob.body, { signal: abort.signal })
      const done = put.then(
        () => true,
        (error: unknown) => {
          assert.equal(error, reason)
          return false
        },
      )
      // At another moment each time.
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      abort.abort(reason)
      if (await done) await assertHolds(backend, blob)
    }
  }),

  conformanceCase('the spool of a put that was aborted is gone with it', async ({ backend }) => {
    const { key, body } = makeBlob(10)
    const spool = await backend.spool()
    await spool.write([new Uint8Array(10)])
    const reason = new Error('enough')
    const put = backend.put(key, { size: 10, sha256: body.sha256, spool }, { signal: AbortSignal.abort(reason) })
    await rejectsWith(reason, put)
    assert.deepEqual(await listAll(backend), [])
    assert.equal(await backend.sweepSpools(0), 0)
  }),

  conformanceCase('an abort while reading rejects with the reason, and ends the body', async ({ backend }) => {
    const blob = await putBlob(backend, 3_000_000)
    for (let n = 0; n < 20; n++) {
      const abort = new AbortController()
      const reason = new Error('enough')
      const body = (await backend.get(blob.key, { signal: abort.signal }))?.body
      assert.ok(body)
      if (n % 2 === 0) await body.next()
      const underWay = n % 4 < 2 ? body.next().catch((error: unknown) => assert.equal(error, reason)) : undefined
      abort.abort(reason)
      await underWay
      if (underWay === undefined) await rejectsWith(reason, body.next())
      await body.return?.()
    }
    await assertHolds(backend, blob)
  }),

  conformanceCase('an abort after the end of a body changes nothing', async ({ backend }) => {
    const { key } = await putBlob(backend, 10)
    const abort = new AbortController()
    const body = (await backend.get(key, { signal: abort.signal }))?.body
    assert.ok(body)
    for await (const _ of body);
    abort.abort()
    assert.equal((await body.next()).done, true)
  }),

  conformanceCase('an abort while listing rejects with the reason, or the page was complete', async ({ backend }) => {
    await putBlobs(backend, 100)
    const abort = new AbortController()
    const reason = new Error('enough')
    const listing = backend.list({ signal: abort.signal })
    abort.abort(reason)
    await listing.then(
      (page) => assert.equal(page.keys.length, 100),
      (error: unknown) => assert.equal(error, reason),
    )
  }),
]

async function rejectsWith(reason: unknown, call: Promise<unknown>): Promise<void> {
  const outcome = await call.then(
    () => null,
    (error: unknown) => ({ rejected: error }),
  )
  assert.ok(outcome, 'it did not reject, although the signal was aborted (a large body must come in pieces)')
  assert.ok(outcome.rejected === reason, `rejected with ${outcome.rejected}, not with the reason of the signal`)
}
