import type { StoreContext } from './context.ts'
import type { InaccessibleEvent } from './hooks.ts'

/** Tells the host, who need not be waited for. Resolves with whether its hook succeeded, and never rejects. */
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
