import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { alice, openPlace, query, tokens, xrpc } from './place.ts'
import { serve } from './servers.ts'

// Fails when the option does not reach the store, or when a body that failed ends like a complete one.

async function placeWithDamage(size: number) {
  const place = await openPlace()
  const cid = await place.publish(alice, new Uint8Array(size).fill(7))
  for (const name of await place.files()) {
    const file = join(place.root, 'blobs/blobs', name.slice(56, 58), name)
    const stored = await readFile(file)
    stored.writeUInt8(8, size - 1)
    await writeFile(file, stored)
  }
  return { ...place, path: query(xrpc.get, { did: alice, cid }) }
}

test('with verify, damaged bytes never arrive as a complete blob', async () => {
  for (const size of [100, 1_000_000]) {
    const { blobs, path } = await placeWithDamage(size)
    const { origin } = await serve(blobs, { verify: true })
    const handler = createBlobHandler(blobs, { ...tokens, verify: true })
    for (const ask of [() => fetch(origin + path), () => handler(new Request(origin + path))]) {
      const outcome = await ask()
        .then(
          async (response) => (response.ok ? (await response.arrayBuffer()).byteLength : response.status),
          () => 'cut',
        )
        .catch(() => 'cut')
      expect(['cut', 500]).toContain(outcome)
    }
  }
})

test('without verify, bytes are served as they are', async () => {
  const { blobs, path } = await placeWithDamage(100)
  const { origin } = await serve(blobs)
  expect((await (await fetch(origin + path)).arrayBuffer()).byteLength).toBe(100)
})
