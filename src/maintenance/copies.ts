import type { Content } from '../metadata/contract/scrub.ts'
import type { StoreContext } from '../store/context.ts'
import type { BlobSource } from '../store/upload/source.ts'
import { type Copy, mirroredCopies } from './mirrored-copies.ts'

/**
 * Where else a copy may be: a backup, another server. It is asked for what the mirror does not have, and verified. `key` is
 * the one under which the backend had the bytes, and a backup of the backend has them.
 */
export type CopyOf = (cid: string, key: string) => Promise<BlobSource | undefined>

export interface CopySources {
  copyOf?: CopyOf | undefined
  signal?: AbortSignal | undefined
}

/** Every copy of some content outside of its backend, in the order of trust. Nothing is opened before it is asked for. */
export async function* copiesOf(
  { backends, metadata }: StoreContext,
  { cid, key }: Content,
  { copyOf, signal }: CopySources,
): AsyncGenerator<Copy> {
  if (backends.mirror) yield* mirroredCopies(backends.mirror, await metadata.mirror(), cid, signal)
  if (copyOf) yield { open: () => copyOf(cid, key) }
}
