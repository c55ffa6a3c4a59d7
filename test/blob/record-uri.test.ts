import { isAtUriString, isValidNsid, isValidRecordKey } from '@atproto/syntax'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRecordPath } from '../../src/blob/record-uri.ts'
import { isSpaceUri, placeOfOldRecord, placeOfRecord } from '../../src/blob/spaces.ts'

// Compared with @atproto/syntax, the protocol's own validators.

const alice = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

/** Whether the reference takes it for a URI, and it names a record: not a repository, a collection, a part of a record. */
const isPublicRecord = (uri: string): boolean => isAtUriString(uri) && uri.split('/').length === 5 && !uri.includes('#')
const byReference = (path: string): boolean => isPublicRecord(`at://${alice}/${path}`)

const long = 'a'.repeat(63)
const collections = [
  ...['com.example.post', 'a.b.c', 'a-b.c-d.e', 'com.1a.post', 'com.example.post2', `${long}.${long}.${long}`],
  ...['com', 'com.example', '', '.', 'com..post', '.com.example.post', 'com.example.post.', 'com.example.2post'],
  ...['1com.example.post', '-com.example.post', 'com-.example.post', 'com.-example.post', 'com.example-.post'],
  ...['com.example.po-st', 'com.example.po_st', 'com.exämple.post', 'com.example.post%20', 'com example.post'],
  ...[`${long}a.example.post`, `com.${long}a.post`, `com.example.${long}a`, `${`${long}.`.repeat(4)}${long}`],
  ...[`${`${long}.`.repeat(4)}a${long}`, 'COM.Example.Post', 'space', 'com.example.post\n'],
]
const keys = [
  ...['3k1', 'self', 'a', '-', '_', '~', ':', '.a', 'a.', '...', 'k'.repeat(512), 'did:web:a', 'A-Z_.:~'],
  ...[
    '',
    '.',
    '..',
    'k'.repeat(513),
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'a%20',
    'ä',
    '@',
    '$',
    '!',
    '*',
    '(',
    ',',
    ';',
    'a\n',
  ],
]

describe('the path of a record', () => {
  test('has a collection and a key of the protocol’s grammar', () => {
    const paths = collections.flatMap((collection) => keys.map((key) => `${collection}/${key}`))
    expect(paths.filter((path) => isRecordPath(path) !== byReference(path))).toEqual([])
    const good = paths.filter(isRecordPath).length
    expect(good).toBeGreaterThan(80)
    expect(paths.length - good).toBeGreaterThan(500)
  })

  test('has nothing before or behind it', () => {
    const path = 'com.example.post/3k1'
    const odd = ['/', '//', '?', '?a', '#', '#/text', ' ', '\n', '\0', '/more', '/#/text', '\u2028', '%', '\ud800']
    expect(odd.filter((end) => isRecordPath(path + end) || byReference(path + end))).toEqual([])
    expect(odd.filter((start) => isRecordPath(start + path) || byReference(start + path))).toEqual([])
  })

  test('is what the reference accepts, of random texts near the grammar', () => {
    const segment = fc.string({ unit: fc.constantFrom(...'aZ09-_.:~/%#? é'), maxLength: 70 })
    const nsid = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('.'))
    const near = fc.tuple(fc.constantFrom(...collections), fc.constantFrom(...keys), fc.nat(), segment)
    const mutated = near.map(([collection, key, at, text]) => {
      const path = `${collection}/${key}`
      const place = at % (path.length + 1)
      return path.slice(0, place) + text.slice(0, 2) + path.slice(place)
    })
    const texts = fc.oneof(
      mutated,
      fc.tuple(nsid, segment).map((parts) => parts.join('/')),
      fc.string({ unit: 'binary' }),
    )
    fc.assert(
      fc.property(texts, (path) => {
        expect(isRecordPath(path)).toBe(byReference(path))
      }),
      { numRuns: 5000 },
    )
  })

  test('has parts that are checked alike in spaces', () => {
    for (const type of collections) {
      expect(isSpaceUri(`at://${alice}/space/${type}/self`), type).toBe(isValidNsid(type))
      const uri = `at://${alice}/space/com.example.forum/self/${alice}/${type}/self`
      expect(placeOfRecord(uri) !== null, uri).toBe(isValidNsid(type))
    }
    for (const key of keys) {
      expect(isSpaceUri(`at://${alice}/space/com.example.forum/${key}`), key).toBe(isValidRecordKey(key))
    }
  })
})

test('every URI of a public record is one for the reference, apart from the library’s own', () => {
  const authorities = [alice, 'did:web:a', 'did:plc:', 'DID:plc:a', 'alice.example', '', 'did:plc:a?', 'did:plc:a#']
  for (const scheme of ['at://', 'AT://', 'at:/', 'http://', ' at://', '']) {
    for (const authority of authorities) {
      for (const path of ['com.example.post/3k1', 'com.example.post', 'odd/3k1', '']) {
        const uri = `${scheme}${authority}/${path}`
        const isOfDid = authority.startsWith('did:')
        expect(placeOfRecord(uri) !== null, uri).toBe(isOfDid && isPublicRecord(uri))
      }
    }
  }
  for (const own of ['pds-blobstore.pin', 'pds-blobstore.import']) {
    const uri = `at://${alice}/${own}/abc`
    expect(isPublicRecord(uri), 'no record of a repository has this name').toBe(false)
    expect(placeOfRecord(uri)).toEqual({ space: null, did: alice })
    expect(placeOfRecord(`${uri}/more`)).toBeNull()
  }
})

test('a record of an earlier version may have any collection and key', () => {
  for (const path of ['odd', 'com.example/1', 'com.example.post/a b?#']) {
    expect(placeOfOldRecord(`at://${alice}/${path}`)).toEqual({ space: null, did: alice })
    expect(placeOfRecord(`at://${alice}/${path}`)).toBeNull()
  }
  expect(placeOfOldRecord(`at://alice.example/com.example.post/1`)).toBeNull()
})
