import assert from 'node:assert/strict'
import { assertRejects, assertSameBytes, collect, makeBlob, putBlob } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

const size = 600_000
const last = size - 1

const within: readonly [string, number, number][] = [
  ['the first byte', 0, 0],
  ['the last byte', last, last],
  ['everything', 0, last],
  ['all but the first and the last', 1, last - 1],
  ['a range across 64 KiB', 65_535, 65_536],
  ['a range across 256 KiB', 262_143, 262_144],
  ['a large part from the middle', 100_000, 500_000],
]

const outside: readonly [string, number, number][] = [
  ['starts after the end', size, size],
  ['ends after the end', 0, size],
  ['ends far after the end', last, Number.MAX_SAFE_INTEGER],
  ['ends before its start', 2, 1],
  ['starts before the beginning', -1, 1],
  ['is not a whole number', 0.5, 1],
  ['is not a number', Number.NaN, Number.NaN],
  ['has no end', 0, Number.POSITIVE_INFINITY],
]

export const rangeCases: readonly ConformanceCase[] = [
  conformanceCase(
    'a range has exactly its bytes, both ends included, and the size of the whole',
    async ({ backend }) => {
      const { key, bytes } = await putBlob(backend, size)
      for (const [what, start, end] of within) {
        const object = await backend.get(key, { range: { start, end } })
        assert.ok(object, what)
        assert.equal(object.size, size, what)
        assertSameBytes(await collect(object.body), bytes.subarray(start, end + 1))
      }
    },
  ),

  conformanceCase('a range that is not within the blob is InvalidRange', async ({ backend }) => {
    const { key } = await putBlob(backend, size)
    for (const [, start, end] of outside) {
      await assertRejects(backend.get(key, { range: { start, end } }), backend, 'InvalidRange')
    }
  }),

  conformanceCase('no range is within the empty blob', async ({ backend }) => {
    const { key } = await putBlob(backend, 0)
    await assertRejects(backend.get(key, { range: { start: 0, end: 0 } }), backend, 'InvalidRange')
  }),

  conformanceCase('a range of an absent key is null, as the whole of it is', async ({ backend }) => {
    assert.equal(await backend.get(makeBlob(10).key, { range: { start: 0, end: 0 } }), null)
  }),
]
