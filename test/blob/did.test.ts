import { expect, test } from 'vitest'
import { assertDid, isDid } from '../../src/blob/identifiers.ts'

test('DIDs of every method are accepted', () => {
  const dids = [
    'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    'did:web:example.com',
    'did:web:localhost%3A2583',
    'did:key:zQ3shV',
    'did:m:a:b-c_d.e',
  ]
  expect(dids.filter((did) => !isDid(did))).toEqual([])
})

test('a DID that could leave its directory, its row or its header is refused', () => {
  const odd = [
    '',
    'did',
    'did:plc',
    'did:plc:',
    'did:PLC:a',
    'did:plc:../a',
    'did:plc:a/b',
    'did:plc:a\\b',
    'did:plc:a\0',
    'did:plc:a\n',
  ]
  odd.push(
    'did:plc:a b',
    'did:plc:a?b',
    'did:plc:a#b',
    'did:plc:a:',
    'did:plc:a%',
    ' did:plc:a',
    'did:plc:é',
    `did:plc:${'a'.repeat(2041)}`,
  )
  expect(odd.filter(isDid)).toEqual([])
  expect(() => assertDid(7)).toThrow(expect.objectContaining({ code: 'InvalidDid' }))
})
