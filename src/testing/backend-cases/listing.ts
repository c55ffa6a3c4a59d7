import assert from 'node:assert/strict'
import type { BlobBackend } from '../../backend/backend.ts'
import type { BlobKey } from '../../backend/key.ts'
import { assertRejects, listAll, pages, putBlob, putBlobs } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

export const listCases: readonly ConformanceCase[] = [
  conformanceCase('an empty place lists nothing', async ({ backend }) => {
    assert.deepEqual(await listAll(backend), [])
  }),

  conformanceCase('1000 keys are listed exactly once, whatever the page size', async ({ backend }) => {
    const keys = sorted((await putBlobs(backend, 1000)).map(({ key }) => key))
    for (const limit of [7, 333, 999, 1000, undefined]) {
      const listed = await listAll(backend, limit)
      assert.equal(listed.length, 1000, `with a limit of ${limit}`)
      assert.deepEqual(sorted(listed), keys)
    }
  }),

  conformanceCase('the order never changes', async ({ backend, another }) => {
    await putBlobs(backend, 100)
    const order = await listAll(backend, 9)
    assert.deepEqual(await listAll(backend), order)
    assert.deepEqual(await listAll(await another(), 1), order)
    const { key } = await putBlob(backend, 10)
    assert.deepEqual(
      (await listAll(backend)).filter((listed) => listed !== key),
      order,
    )
  }),

  conformanceCase('the last page has no cursor, a page that is cut short has one', async ({ backend }) => {
    await putBlobs(backend, 20)
    assert.equal((await backend.list()).cursor, undefined)
    assert.equal(typeof (await backend.list({ limit: 19 })).cursor, 'string')
  }),

  conformanceCase('a cursor is valid in another instance', async ({ backend, another }) => {
    const keys = sorted((await putBlobs(backend, 50)).map(({ key }) => key))
    const first = await backend.list({ limit: 20 })
    const rest = await restOf(await another(), first.cursor)
    assert.deepEqual(sorted([...first.keys, ...rest]), keys)
  }),

  conformanceCase('a cursor outlives the key that it stands at', async ({ backend }) => {
    const keys = sorted((await putBlobs(backend, 50)).map(({ key }) => key))
    const first = await backend.list({ limit: 20 })
    await backend.delete(first.keys)
    const rest = await restOf(backend, first.cursor)
    assert.deepEqual(sorted([...first.keys, ...rest]), keys)
  }),

  conformanceCase(
    'keys that come and go meanwhile are listed at most once, the others exactly once',
    async (subject) => {
      const { backend } = subject
      const staying = (await putBlobs(backend, 150)).map(({ key }) => key)
      const going = (await putBlobs(backend, 60)).map(({ key }) => key)
      const listed: BlobKey[] = []
      for await (const page of pages(backend, { limit: 10 })) {
        listed.push(...page)
        await backend.delete(going.splice(0, 3))
        await putBlob(backend, 10)
        await putBlob(backend, 10)
      }
      assert.equal(new Set(listed).size, listed.length, 'a key was listed twice')
      const missed = staying.filter((key) => !listed.includes(key))
      assert.deepEqual(missed, [], 'keys that were there all the time')
    },
  ),

  conformanceCase('a limit that is not a whole number above 0 is refused', async ({ backend }) => {
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await assertRejects(backend.list({ limit }), backend, 'InvalidArgument')
    }
  }),
]

async function restOf(backend: BlobBackend, from: string | undefined): Promise<BlobKey[]> {
  const keys: BlobKey[] = []
  if (from !== undefined) for await (const page of pages(backend, { limit: 20, cursor: from })) keys.push(...page)
  return keys
}

function sorted(keys: readonly BlobKey[]): BlobKey[] {
  return [...keys].sort()
}
