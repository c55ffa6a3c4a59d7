import type { CallOptions } from '../../backend/backend.ts'
import { assertDid } from '../../blob/identifiers.ts'
import type { BlobStore } from '../../blob-store.ts'
import { assertOptions } from '../../options.ts'
import { pinsOf, unpin } from '../../pds/pins.ts'
import { firstRev } from './record-writer.ts'
import { isStandIn } from './stand-in.ts'

/**
 * Removes the references that an import has created itself (pins, and references for spaces and for blobs that no
 * record references): what the account's records reference stays, the rest expires. Call it when the records are
 * written, for a host that keeps its references in the store; never for a store that is attached to an `@atproto/pds`,
 * whose blobs live by their pins. Resolves with how many blobs had one.
 */
export async function dropPins(blobs: BlobStore, did: string, options: CallOptions = {}): Promise<number> {
  assertDid(did)
  assertOptions('dropPins', options, ['signal'])
  let dropped = 0
  let cursor: string | undefined
  do {
    const page = await blobs.listAll(did, { cursor, signal: options.signal })
    for (const { cid, referenced } of page.items) {
      if (!referenced) continue
      const { pins } = await pinsOf(blobs, did, cid)
      const standIns = (await blobs.recordsFor(did, cid)).filter((uri) => isStandIn(did, uri))
      if (pins.length + standIns.length === 0) continue
      await unpin(blobs, did, pins)
      const deletions = standIns.map((uri) => ({ action: 'delete', uri }) as const)
      if (deletions.length > 0) await blobs.applyWrites(did, deletions, { rev: firstRev })
      dropped += 1
    }
    cursor = page.cursor
  } while (cursor !== undefined)
  return dropped
}
