import { BlobStoreError } from '../errors.ts'
import type { Viewer } from '../metadata/facts.ts'

const viewers: readonly Viewer[] = ['public', 'account', 'moderator']

/** @throws `InvalidArgument`: a misspelt viewer must not see more, nor less, in silence */
export function assertViewer(as: unknown): asserts as is Viewer {
  if (viewers.includes(as as Viewer)) return
  throw new BlobStoreError('InvalidArgument', `as: expected one of ${viewers.join(', ')}`)
}
