import { once } from 'node:events'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import cacache from 'cacache'
import type { Open } from '../contract.ts'

/** npm's cache: content by its hash, and an index of keys. Set to hash as the others do; its default is sha-512. */
export const open: Open = async (folder) => {
  const cache = join(folder, 'cache')
  let uploads = 0
  return {
    async upload({ body, size }) {
      const name = `blob-${uploads++}`
      const sink = cacache.put.stream(cache, name, { size, algorithms: ['sha256'] })
      const stored = once(sink, 'integrity')
      await pipeline(body, sink)
      await stored
      return name
    },
    async read(_did, name) {
      const { data } = await cacache.get(cache, name)
      return data
    },
    async stream(_did, name) {
      return cacache.get.stream(cache, name) as unknown as AsyncIterable<Uint8Array>
    },
    async close() {},
  }
}
