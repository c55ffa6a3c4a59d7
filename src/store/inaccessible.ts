import type { StoreContext } from './context.ts'
import type { InaccessibleEvent } from './hooks.ts'

/** Notifies the host without waiting for it. */
export function notifyInaccessible({ hooks, logger }: StoreContext, event: InaccessibleEvent): void {
  if (!hooks.onInaccessible) return
  Promise.resolve(event)
    .then(hooks.onInaccessible)
    .catch((error: unknown) => logger.error({ ...event, err: error }, 'The hook onInaccessible failed'))
}
