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
