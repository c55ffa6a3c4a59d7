import { isLastingFailure } from '../../backend/lasting-failure.ts'
import { isBlobStoreError } from '../../errors.ts'

/** Whether the mirror is asked for bytes, after the backend failed so. */
export function isForMirror(error: unknown): boolean {
  return isBlobStoreError(error, 'BlobDamaged') || isLastingFailure(error)
}
