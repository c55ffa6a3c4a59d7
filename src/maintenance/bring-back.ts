import type { Ahead } from '../metadata/garbage.ts'
import type { StoreContext } from '../store/context.ts'
import { allowance } from '../store/interruption.ts'

/**
 * After the database's clock ran ahead and was put right: what would wait until a date that it had waits for its own delay
 * from now. Not counted as due at once: an upload that is under way keeps its lease, and doomed bytes are kept for the
 * backups of a whole delete delay, whoever of the two clocks is right.
 */
export async function* bringBack(
  { metadata, logger }: StoreContext,
  options: Omit<Ahead, 'allowance'>,
): AsyncGenerator<void> {
  let rows = 0
  let changed: number
  do {
    changed = await metadata.bringBack({ ...options, allowance })
    rows += changed
    yield
  } while (changed > 0)
  if (rows === 0) return
  logger.warn(
    { rows },
    'The database’s clock ran ahead and was put right: what would have waited until a date beyond every delay waits for its delay from now',
  )
}
