import { setImmediate } from 'node:timers/promises'
import type { CallOptions } from '../backend/backend.ts'
import { assertDid } from '../blob/identifiers.ts'
import { assertSpaceUri, type SpaceUri } from '../blob/spaces.ts'
import { assertOptions } from '../options.ts'
import type { StoreContext } from './context.ts'
import { notifyHidden } from './inaccessible.ts'

/** How many references one transaction forgets. Few, so that other transactions can run in between. */
const batch = 250

export interface DropSpaceReport {
  /** References that were forgotten, those to missing blobs included. */
  references: number
}

/** Works in small transactions. After a crash, another call continues. */
export async function dropSpace(
  store: StoreContext,
  did: string,
  space: SpaceUri,
  options: CallOptions = {},
): Promise<DropSpaceReport> {
  assertDid(did)
  assertSpaceUri('dropSpace', space)
  assertOptions('dropSpace', options, ['signal'])
  const { metadata, times } = store
  const report: DropSpaceReport = { references: 0 }
  while (true) {
    options.signal?.throwIfAborted()
    const { dropped, hidden } = await metadata.dropSomeOfSpace(did, space, { limit: batch, grace: times.grace })
    if (dropped === 0) return report
    report.references += dropped
    notifyHidden(store, did, { hidden: [], hiddenInSpaces: hidden.map((cid) => ({ space, cid })) })
    await setImmediate()
  }
}
