import { isBlobStoreError } from '../../errors.ts'
import type { WaitingContent } from '../../metadata/contract/mirror.ts'
import { unusedDelay } from '../../store/context.ts'
import { type CopyTarget, putCopy } from '../replace.ts'
import type { Run } from './run.ts'

const pageSize = 100

/** After a run that gave up it continues behind: what cannot be read must not keep the rest waiting for ever. */
export async function copyWaiting(run: Run): Promise<void> {
  const { steps, job, place } = run
  let after = place.reached
  while (true) {
    const page: WaitingContent[] = await steps.waiting({ after, limit: pageSize })
    const last = page.at(-1)
    if (!last) {
      place.reached = null
      return
    }
    await job.forEach(
      page,
      (content) => copyOne(run, content),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last
    await place.openToWrite({ signal: job.signal }) // says again that it is in use, and notices that it was taken away
  }
}

/** Row before bytes, under a new key, as for every copy. What a crash leaves is collected when its lease is over. */
async function copyOne({ store, steps, backend, place, job }: Run, content: WaitingContent): Promise<void> {
  place.reached = content
  const { cid, key, size } = content
  const mirror = place.id as string // before the bytes: meanwhile the store may get another mirror
  const { signal, report } = job
  if (await steps.isMirrored(cid)) return
  await job.wait(size)
  const open = async () => (await store.backends.of(content.backend).get(key, { signal }))?.body
  const to: CopyTarget = { backend, intend: (copy) => steps.intendMirrored(copy) }
  const copied = await putCopy(store, content, open, signal, to).catch((error: unknown) => {
    if (isBlobStoreError(error, 'BlobDamaged')) return 'does not match the CID' as const
    throw error
  })
  if (copied === 'purged') return
  if (typeof copied === 'string') {
    // Other bytes may have replaced these since the row was read: then it still waits.
    if (!(await store.metadata.markDamaged(cid, key))) return
    job.found({ cid, key, problem: copied === 'missing' ? 'missing' : 'damaged' })
    return
  }
  if (!(await steps.keepMirrored({ mirror, key: copied.key, cid, size, unusedDelay: unusedDelay(store) }))) return
  report.copied += 1
  report.bytes += size
}
