import type { BlobBackend } from '../../backend/backend.ts'
import { isLastingFailure } from '../../backend/lasting-failure.ts'
import { cidOfStream } from '../../blob/cid.ts'
import { type BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { MirroredCopy } from '../../metadata/contract/mirror.ts'
import { copyWaiting } from './copy-waiting.ts'
import type { Run } from './run.ts'

const pageSize = 100

/** A mirror that nobody reads is as good as none. */
export async function verifyCopies(run: Run, olderThan: number): Promise<void> {
  const { steps, job } = run
  let after: MirroredCopy | null = null
  while (true) {
    const page: MirroredCopy[] = await steps.copies({ after, limit: pageSize, olderThan })
    const last = page.at(-1)
    if (!last) break
    await job.forEach(
      page,
      (copy) => verifyOne(run, copy),
      ({ cid, key }, error) => ({ cid, key, problem: 'failed', error }),
    )
    after = last
  }
  if (job.report.findings.some(({ problem }) => problem === 'copyDamaged')) await copyWaiting(run)
}

/** A copy that cannot be read may be the last one, so it is forgotten only when there is another: by the next verification. */
async function verifyOne({ steps, backend, place, job }: Run, copy: MirroredCopy): Promise<void> {
  const { cid, key, size } = copy
  await job.wait(size)
  let failure: BlobStoreError | undefined
  try {
    if (await isGood(backend, copy, job.signal)) {
      await steps.markMirrored({ cid, key })
      job.report.verified += 1
      return
    }
  } catch (error) {
    if (!isLastingFailure(error)) throw error
    failure = error
  }
  // Forgetting a copy dooms it: it must not be missing only because its disk is not mounted any more.
  await place.open({ renew: true, signal: job.signal })
  if (failure) await steps.doubtMirrored({ cid, key })
  if (!failure || (await steps.isMirrored(cid))) await steps.forgetDamaged({ cid, key })
  job.found({ cid, key, problem: 'copyDamaged', ...(failure && { error: failure }) })
}

async function isGood(backend: BlobBackend, { cid, key }: MirroredCopy, signal?: AbortSignal): Promise<boolean> {
  const object = await backend.get(key, { signal })
  if (!object) return false
  try {
    return (await cidOfStream(object.body)) === cid
  } catch (error) {
    if (isBlobStoreError(error, 'BlobDamaged')) return false
    throw error
  }
}
