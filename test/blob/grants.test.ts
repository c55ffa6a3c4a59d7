import { ScopePermissionsTransition } from '@atproto/oauth-scopes'
import { expect, test } from 'vitest'
import { type BlobGrant, blobGrants, matchesAccept } from '../../src/index.ts'
import { Random } from '../support/random.ts'

// The scopes of OAuth that allow uploads, as this library and the reference's own parser (@atproto/oauth-scopes) read them.

const any = { accept: ['*/*'] }
const images = { accept: ['image/*'] }
const upperCase = 'blob:Image/PNG'

const table: [scope: string, grants: BlobGrant[]][] = [
  ['blob:*/*', [any]],
  ['blob:image/*', [images]],
  ['blob:image/png', [{ accept: ['image/png'] }]],
  ['blob?accept=image/*', [images]],
  ['blob?accept=image/*&accept=video/mp4', [{ accept: ['image/*', 'video/mp4'] }]],
  ['blob?accept=image/*&accept=image/*', [{ accept: ['image/*', 'image/*'] }]],
  ['atproto blob:image/* repo:app.example.post', [images]],
  ['blob:image/* blob:video/mp4', [images, { accept: ['video/mp4'] }]],
  ['atproto transition:generic', [any]],
  // Encoding: of a URI behind the colon, of a form in the query, where a plus is a space.
  ['blob:image%2Fpng', [{ accept: ['image/png'] }]],
  ['blob:image%2f%2a', [images]],
  ['blob?accept=image%2F*', [images]],
  ['blob?%61ccept=image/*', [images]],
  ['blob:image/svg+xml', [{ accept: ['image/svg+xml'] }]],
  ['blob?accept=image/svg%2Bxml', [{ accept: ['image/svg+xml'] }]],
  ['blob?accept=image/svg+xml', []],
  // Letters.
  [upperCase, [{ accept: ['image/png'] }]],
  ['Blob:image/*', []],
  ['blob?Accept=image/*', []],
  // Neither nothing, nor twice.
  ['', []],
  ['blob', []],
  ['blob:', []],
  ['blob?', []],
  ['blob?accept=', []],
  ['blob:image/*?accept=image/*', []],
  ['blob:image/*?', [images]],
  ['blob:image/*?&&', [images]],
  ['blob??accept=image/*', [images]],
  ['blob&accept=image/*', []],
  ['blobs:image/*', []],
  ['xblob:image/*', []],
  ['blob:image/*#x', []],
  // One unknown parameter, or one pattern that is none, and the whole scope allows nothing.
  ['blob:image/*?foo=bar', []],
  ['blob:image/*?type=video/*', []],
  ['blob?accept=image/*&accept=video', []],
  ['blob?accept=image/*&accept=*', []],
  ['blob?accept=image/*&accept=', []],
  ['blob:*', []],
  ['blob:*/png', []],
  ['blob:image/p*', []],
  ['blob:image', []],
  ['blob:/png', []],
  ['blob:image/', []],
  ['blob:image/png/x', []],
  ['blob:image/png%20', []],
  // A pattern that no type matches leaves those beside it alone.
  ['blob:im*ge/*', []],
  ['blob:**/*', []],
  ['blob:image/png;q=1', []],
  ['blob?accept=image/*&accept=video/mp4;x', [images]],
  ['blob?accept=image/*&accept=%00/%00', [images]],
]

test.each(table)('the scope %j is read as it is meant', (scope, grants) => {
  expect(blobGrants(scope)).toEqual(grants)
})

test('maxSize is a whole number of bytes, given once; any other makes the scope allow nothing', () => {
  const limited = (maxSize: number) => [{ accept: ['image/*'], maxSize }]
  expect(blobGrants('blob:image/*?maxSize=1000000')).toEqual(limited(1_000_000))
  expect(blobGrants('blob?maxSize=1000000&accept=image/*')).toEqual(limited(1_000_000))
  expect(blobGrants('blob?accept=image/*&accept=video/*&maxSize=1000000')).toEqual([
    { accept: ['image/*', 'video/*'], maxSize: 1_000_000 },
  ])
  expect(blobGrants('blob:image/*?maxSize=0')).toEqual(limited(0))
  const none = [
    '',
    '-1',
    '1e6',
    '1.5',
    '1MB',
    '0x10',
    '%20',
    '%2B1',
    'Infinity',
    '1000000000000000',
    '1&maxSize=1',
    '1&maxSize=2',
  ]
  for (const size of none) expect(blobGrants(`blob:image/*?maxSize=${size}`), size).toEqual([])
  expect(blobGrants('blob:image/*?maxsize=1')).toEqual([])
  expect(blobGrants('blob?maxSize=1')).toEqual([])
})

test('scopes may be given one by one, as a list or a set', () => {
  expect(blobGrants(['atproto', 'blob:image/*'])).toEqual([images])
  expect(blobGrants(new Set(['blob:image/*', 'blob:*/*']))).toEqual([images, any])
  expect(blobGrants(['blob:image/* blob:*/*'])).toEqual([])
})

test('what is no URI encoding allows nothing', () => {
  for (const scope of ['blob:%', 'blob:image%/png', 'blob:%zz', 'blob:%ff/x']) expect(blobGrants(scope)).toEqual([])
})

/** Types as blobs are stored with: none has a star, a space or an upper-case letter. */
const types = [
  ...['image/png', 'image/jpeg', 'image/svg+xml', 'video/mp4', 'text/markdown', 'application/octet-stream'],
  ...['a/b', 'image/a', 'imag/e', 'x-image/png', 'image/png.x', '%2a/%2a', 'a+b/c+d'],
]

const ours = (scope: string) => {
  const grants = blobGrants(scope)
  return types.filter((mime) => grants.some(({ accept }) => matchesAccept(mime, accept)))
}

/** Null where the reference throws, as it does at what is no URI encoding. */
function theirs(scope: string): string[] | null {
  const permissions = new ScopePermissionsTransition(scope)
  try {
    return types.filter((mime) => permissions.allowsBlob({ mime }))
  } catch (error) {
    expect(error).toBeInstanceOf(URIError)
    return null
  }
}

test('the reference reads the table likewise', () => {
  const compared = table.map(([scope]) => scope).filter((scope) => scope !== upperCase)
  expect(compared.length).toBeGreaterThan(40)
  for (const scope of compared) expect(ours(scope), scope).toEqual(theirs(scope))
})

// The documented differences.
test('the reference knows no maxSize, compares upper case with lower, and throws at what is no URI encoding', () => {
  expect(theirs('blob:video/*?maxSize=1000')).toEqual([])
  expect(ours('blob:video/*?maxSize=1000')).toEqual(['video/mp4'])
  expect(theirs(upperCase)).toEqual([])
  expect(ours(upperCase)).toEqual(['image/png'])
  expect(theirs('blob:%')).toBeNull()
  expect(ours('blob:%')).toEqual([])
})

test('the reference reads random scopes likewise', () => {
  const random = new Random('scopes')
  const parts = [
    ...[
      'blob',
      'blob:',
      'blob?',
      'accept=',
      '&accept=',
      '=',
      '&',
      '?',
      ':',
      '/',
      '*',
      '+',
      ' ',
      '%',
      '%2F',
      '%2B',
      '%20',
    ],
    ...['image', 'png', 'image/*', 'image/png', '*/*', 'a+b/c+d', 'foo=bar', 'transition:generic', 'blob:image/*'],
    ...['#', ';', '%zz', '\n', '\0', 'é', '\u212A', ''],
  ]
  const lowerCase = table.map(([scope]) => scope).filter((scope) => scope !== upperCase)
  let [allowing, throwing] = [0, 0]
  for (let round = 0; round < 20_000; round++) {
    let scope = random.pick(lowerCase)
    for (let changes = random.below(4); changes > 0; changes--) {
      const [from, length] = [random.below(scope.length + 1), random.below(3)]
      scope = scope.slice(0, from) + random.pick(parts) + scope.slice(from + length)
    }
    const [own, reference] = [ours(scope), theirs(scope)]
    if (reference === null) throwing++
    else expect(own, JSON.stringify(scope)).toEqual(reference)
    if (own.length > 0) allowing++
  }
  expect(allowing).toBeGreaterThan(2000)
  expect(throwing).toBeGreaterThan(100)
})
