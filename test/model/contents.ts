import { cidOfBytes } from '../../src/index.ts'
import { bytes } from '../support/samples.ts'

/** Bytes that are uploaded: few, so that accounts often have the same. */
export interface Content {
  name: string
  bytes: Uint8Array
  cid: string
  /** The type that sniffing finds. */
  sniffed: string | null
}

const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52])

const content = (name: string, bytes: Uint8Array, sniffed: string | null = null): Content => ({
  ...{ name, bytes, sniffed },
  cid: cidOfBytes(bytes),
})

export const contents: readonly Content[] = [
  content('hello', bytes('hello')),
  content('world', bytes('a whole world')),
  content('other', bytes('something else')),
  content('image', png, 'image/png'),
  content('empty', bytes('')),
  content('large', new Uint8Array(1_100_000).fill(7)), // does not fit into memory, and goes through a spool
]
