import type { AppliedWrites } from './calls.ts'
import type { StoreContext } from './context.ts'
import type { InaccessibleEvent } from './hooks.ts'

/** Notifies the host; need not be awaited. Resolves with whether its hook succeeded, and never rejects. */
export async function notifyInaccessible({ hooks, logger }: StoreContext, event: InaccessibleEvent): Promise<boolean> {
  if (!hooks.onInaccessible) return true
  try {
    await Promise.resolve(event).then(hooks.onInaccessible)
    return true
  } catch (error) {
    logger.error({ ...event, err: error }, 'The hook onInaccessible failed')
    return false
  }
}

/** Notifies the host of the blobs that a commit has hidden, and from whom. */
export function notifyHidden(
  store: StoreContext,
  did: string,
  { hidden, hiddenInSpaces }: Pick<AppliedWrites, 'hidden' | 'hiddenInSpaces'>,
): void {
  for (const cid of hidden) notifyInaccessible(store, { did, cid, because: 'hidden' })
  for (const { cid, space } of hiddenInSpaces) notifyInaccessible(store, { did, cid, space, because: 'hidden' })
}
