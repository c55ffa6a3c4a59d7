import type { ObjectService } from '../../../src/object-backend.ts'

/** A service in memory: the minimum that an ObjectBackend needs. */
export function mapService(objects: Map<string, Uint8Array> = new Map()): ObjectService {
  return {
    async put(name, body) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      objects.set(name, new Uint8Array(Buffer.concat(chunks)))
    },
    async get(name, { range, signal }) {
      const bytes = objects.get(name)
      if (bytes === undefined) return null
      return { size: bytes.byteLength, body: pieces(bytes.slice(range?.start ?? 0, range && range.end + 1), signal) }
    },
    async delete(name) {
      objects.delete(name)
    },
    async list({ prefix, after, limit }) {
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after)
      return names.sort().slice(0, limit)
    },
  }
}

async function* pieces(bytes: Uint8Array, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += 100_000) {
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    yield bytes.subarray(start, start + 100_000)
  }
}
