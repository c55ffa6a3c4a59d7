import { createHash } from 'node:crypto'

/** The bytes of the n-th blob: different for every number, from some to some 50,000. */
export function bytesOf(number: number): Uint8Array {
  const digest = createHash('sha256').update(`blob ${number}`).digest()
  return Buffer.alloc(100 + ((number * 7919) % 50_000), digest)
}
