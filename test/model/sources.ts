import type { BlobSource } from '../../src/index.ts'
import type { Content } from './contents.ts'

export type Form = 'whole' | 'in chunks' | 'as a Blob'

/** The same bytes, as hosts have them. */
export function sourceOf({ bytes }: Content, form: Form): BlobSource {
  if (form === 'as a Blob') return new Blob([bytes as Uint8Array<ArrayBuffer>])
  return form === 'whole' ? bytes : inChunks(bytes)
}

/** Some chunks, and an error if there is one. */
export async function* inChunks(bytes: Uint8Array, error?: Error): AsyncGenerator<Uint8Array> {
  const size = Math.ceil(bytes.byteLength / 10)
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size)
  if (error) throw error
}
