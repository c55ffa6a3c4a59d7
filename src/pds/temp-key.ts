import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { markGrammar, nextMark } from './mark.ts'

/**
 * The key of a temporary blob. The PDS knows no CID yet when it gets one; the store does, and the key carries it, so
 * that no table is needed to find the blob again.
 */
export interface TempKey {
  cid: BlobCid
  /** Two uploads of the same bytes have two keys. */
  mark: string
}

export function newTempKey(cid: BlobCid): string {
  return `${cid}.${nextMark()}`
}

/** Null for a key that another blob store gave. */
export function parseTempKey(key: string): TempKey | null {
  const [cid = '', mark = '', ...rest] = String(key).split('.')
  return rest.length === 0 && isBlobCid(cid) && markGrammar.test(mark) ? { cid, mark } : null
}
