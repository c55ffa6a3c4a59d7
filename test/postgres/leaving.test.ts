import { expect, test } from 'vitest'
import { MemoryBackend } from '../../src/index.ts'
import { someSchema, storeOn } from './opened.ts'

// Fails when each process looks for others in the transaction in which it leaves: neither sees that the other leaves too.
test('of two stores that close at once on PostgreSQL, one notices that it is the last', async () => {
  const schema = someSchema()
  const backend = new MemoryBackend()
  for (let round = 0; round < 20; round++) {
    const stores = [storeOn(schema.open(), {}, backend), storeOn(schema.open(), {}, backend)]
    await Promise.all(stores.map((store) => store.ready()))
    await Promise.all(stores.map((store) => store.close()))
    // The last one says so in the marker: a copy of the database is told from the original by that.
    expect(JSON.parse((await backend.readMarker()) ?? '')).toMatchObject({ until: 0 })
  }
})
