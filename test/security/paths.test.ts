import { readdirSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { FolderPlace } from '../support/folder-place.ts'
import { bytes, chunks, post } from '../support/samples.ts'

// Row 23 of the table of attacks: names from outside, in paths. Fails when a DID, a file name or a type is part of a
// path, or a key is not rebuilt from the digest.

const dids = [
  'did:web:..',
  'did:web:..%2F..%2Fetc%2Fpasswd',
  'did:web:CON',
  'did:web:nul.txt',
  'did:web:-rf',
  'did:web:.hidden',
  'did:web:%00',
  `did:plc:${'a'.repeat(2040)}`,
  'did:a:b:c:d:e',
  'did:web:UPPER.example',
]

const grammar =
  /^(?:|marker|spool|blobs|[a-z0-9-]*v?[0-9]+|blobs\/[a-z2-7]{2}|blobs\/[a-z2-7]{2}\/bafkrei[a-z2-7]{52}\.[1-9][0-9]{0,9}-[a-z2-7]{16}|spool\/[a-zA-Z0-9.-]+)$/

test('no name from outside is in a path, and every file is accessible by its owner alone', async () => {
  const place = new FolderPlace()
  const blobs = place.store()
  for (const [index, did] of dids.entries()) {
    const ref = await blobs.upload(did, bytes(`blob ${index}`), { fileName: '../../evil.html', mimeType: 'text/html' })
    await blobs.upload(did, chunks(20, 100_000, index))
    await post(blobs, did, 'r', ref)
  }
  const entries = readdirSync(place.root, { recursive: true, withFileTypes: true })
  const paths = entries.map((entry) => join(relative(place.root, entry.parentPath), entry.name))
  expect(paths.filter((path) => !grammar.test(path))).toEqual([])
  expect(entries.filter((entry) => entry.isFile() && entry.name.startsWith('bafkrei'))).toHaveLength(20)
  for (const entry of entries) {
    const { mode } = statSync(join(entry.parentPath, entry.name))
    expect(mode & 0o077, entry.name).toBe(0)
  }
})
