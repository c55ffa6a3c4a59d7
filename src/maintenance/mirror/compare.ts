import { pagesOf } from '../../backend/pages.ts'
import { untilAborted } from '../../backend/until-aborted.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { MirroredCopy } from '../../metadata/contract/mirror.ts'
import { breathe, type Run, rowBatch } from './run.ts'

/** In both directions, in small steps. What the mirror holds is listed before it is looked up, as in a sweep. */
export async function compareAll({ store, steps, backend, place, job: { signal } }: Run): Promise<void> {
  // What a restored database does not know, it has forgotten: `recover` looks for that.
  if (!(await store.metadata.condition()).restored) {
    for await (const { keys } of pagesOf(backend, { signal })) {
      for (let at = 0; at < keys.length; at += rowBatch) await steps.adoptUnknown(keys.slice(at, at + rowBatch))
    }
  }
  await untilAborted(backend.sweepSpools(store.times.lease, { signal }), signal)
  let after: BlobCid | '' | null = ''
  while (after !== null) {
    after = await steps.findUnmirrored({ after, limit: rowBatch })
    await breathe(signal)
  }
  let last: MirroredCopy | null = null
  do {
    last = await steps.findUnneeded({ after: last, limit: rowBatch })
    await breathe(signal)
  } while (last !== null)
  place.comparedAt = performance.now()
}

/** Of copies that nothing has needed for the delay. Resolves with how many. */
export async function doomUnneeded({ steps, place, job }: Run): Promise<number> {
  let doomed = 0
  while (true) {
    const some = await steps.doomUnneeded({ delay: place.delay, limit: rowBatch })
    doomed += some.doomed
    if (some.examined < rowBatch) return doomed
    await breathe(job.signal)
  }
}
