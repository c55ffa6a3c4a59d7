import type { DoomedKey } from '../metadata/contract/collection.ts'
import { deleteBytes } from '../store/delete-bytes.ts'
import { type Run, retryDelay, type Step } from './collection.ts'

/** Keys of one deletion: as many as S3 accepts at once. */
const keyBatch = 1000
/** How many keys that could not be deleted are logged by name. */
const toldKeys = 3

/** Deletes the bytes whose delay is over, then their tombstones. What fails waits for another run. */
export async function* deleteDoomed(run: Run): Step {
  const { metadata } = run.store
  // What is postponed meanwhile is not due again in the same run, however long that takes.
  const began = await metadata.clock()
  let due: DoomedKey[]
  do {
    due = await metadata.dueKeys(keyBatch, began)
    const charges = due.filter((doomed) => doomed.backend === null)
    await metadata.forgetKeys(charges)
    for (const [backend, doomed] of Map.groupBy(due, (key) => key.backend)) {
      if (backend !== null) await deleteFrom(run, backend, doomed)
    }
    yield
  } while (due.length === keyBatch)
}

async function deleteFrom(run: Run, backend: string, doomed: readonly DoomedKey[]): Promise<void> {
  const { report, store, signal, down } = run
  const due = doomed.map(({ key }) => key)
  const failures = await deleteBytes(store.backends, backend, due, { signal, down })
  if (failures.size === due.length) down.add(backend)
  const gone = doomed.filter((one) => !failures.has(one.key))
  // The tombstone is deleted only after the bytes are known to be gone.
  await store.metadata.forgetKeys(gone)
  report.deletedKeys += gone.length
  report.deletedBytes += gone.reduce((sum, one) => sum + one.size, 0)
  report.failedKeys += failures.size
  if (failures.size === 0) return
  for (const [message, some] of Map.groupBy(failures, ([, error]) => error.message)) {
    const keys = some.map(([key]) => key)
    await store.metadata.postponeKeys(keys, { error: message, delay: retryDelay })
    store.logger.warn(
      { err: some[0]?.[1], backend, failed: keys.length, keys: keys.slice(0, toldKeys) },
      'Bytes could not be deleted; a later run tries again',
    )
  }
}
