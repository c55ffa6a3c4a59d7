import { expect, test } from 'vitest'
import { isSpaceUri, placeOfRecord } from '../../src/blob/spaces.ts'

const alice = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const group = 'did:plc:44ybard66vv44zksje25o7dz'

test.each([
  `at://${group}/space/com.example.forum/self`,
  `at://${alice}/space/com.example.bookmarks/a~b`,
  `at://did:web:localhost%3A2583/space/com.example.forum/3k1:2_x.y-z`,
  `at://${group}/space/com.example.forum/${'k'.repeat(512)}`,
])('%s is a space', (uri) => {
  expect(isSpaceUri(uri)).toBe(true)
  expect(placeOfRecord(`${uri}/${alice}/com.example.post/3k1`)).toEqual({ space: uri, did: alice })
})

test.each([
  `at://${group}/space/com.example.forum`,
  `at://${group}/space/com.example.forum/`,
  `at://${group}/space/com.example.forum/..`,
  `at://${group}/space/com.example.forum/a b`,
  `at://${group}/space/com.example.forum/a/b`,
  `at://${group}/space/com.example.forum/${'k'.repeat(513)}`,
  `at://${group}/space/forum/self`,
  `at://${group}/space/com.example.${'f'.repeat(310)}/self`,
  `at://${group}/spaces/com.example.forum/self`,
  `at://example.com/space/com.example.forum/self`,
  `at://DID:plc:x/space/com.example.forum/self`,
  `https://${group}/space/com.example.forum/self`,
  `at://${group}/space/com.example.forum/self?x`,
  `at://${group}/space/com.example.forum/self\n`,
  'public',
  '',
  null,
  7,
])('%j is no space', (uri) => {
  expect(isSpaceUri(uri)).toBe(false)
})

test('a public record is placed by its account', () => {
  expect(placeOfRecord(`at://${alice}/com.example.post/3k1`)).toEqual({ space: null, did: alice })
  expect(placeOfRecord('at://alice.example/com.example.post/3k1')).toBeNull()
})

test.each([
  `at://${alice}/space`,
  `at://${alice}/space/com.example.forum/self`,
  `at://${group}/space/com.example.forum/self/${alice}`,
  `at://${group}/space/com.example.forum/self/${alice}/com.example.post`,
  `at://${group}/space/com.example.forum/self/${alice}/com.example.post/`,
  `at://${group}/space/com.example.forum/self/${alice}/post/3k1`,
  `at://${group}/space/com.example.forum/self/alice.example/com.example.post/3k1`,
  `at://${group}/space/com.example.forum/self/${alice}/com.example.post/3k1/more`,
])('what begins as a record in a space and is none is no public record either: %s', (uri) => {
  expect(placeOfRecord(uri)).toBeNull()
})
