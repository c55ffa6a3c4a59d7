import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { markGrammar, nextMark } from './mark.ts'

/**
 * The key of a temporary blob. The PDS does not know the CID yet when it gets the key, but the store does: the key
 * contains it, so that no table is needed to find the blob again.
 */
export interface TempKey {
  cid: BlobCid
  /** Two uploads of the same bytes have two keys. */
  mark: string
}

export function newTempKey(cid: BlobCid): string {
  return `${cid}.${nextMark()}`
}

/** Null for a key of another blob store. */
export function parseTempKey(key: string): TempKey | null {
  const [cid = '', mark = '', ...rest] = String(key).split('.')
  return rest.length === 0 && isBlobCid(cid) && markGrammar.test(mark) ? { cid, mark } : null
}
