import { cidOfBytes } from '../../../src/index.ts'
import { bytes } from '../../support/samples.ts'

/** What accounts upload in a simulation: few contents, so that they often have the same. */
export const contents: ReadonlyMap<string, Uint8Array> = new Map(
  ['one', 'two', 'three', 'four'].map((text) => [cidOfBytes(bytes(text)), bytes(text)]),
)

/** Too much for memory: it goes through a spool. */
const large = new Uint8Array(1_048_577).fill(5)
export const largeCid: string = cidOfBytes(large)

export const bytesOf = (cid: string): Uint8Array => contents.get(cid) ?? large

export const mimeType = 'text/plain'

export const refOf = (cid: string): object => ({
  ...{ $type: 'blob', ref: { $link: cid }, mimeType },
  size: bytesOf(cid).byteLength,
})
