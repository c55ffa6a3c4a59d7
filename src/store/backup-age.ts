import type { StoreContext } from './context.ts'

/**
 * Notes that a backup of the database is complete, and warns where the one before was, until now, older than the delete
 * delay: had it been restored, its rows would have named bytes that were deleted.
 */
export async function noteBackup({ metadata, times, logger }: StoreContext): Promise<void> {
  const age = await metadata.noteBackup()
  if (age === null || age < times.deleteDelay) return
  logger.warn(
    { age, deleteDelay: times.deleteDelay },
    `The backup before this one is ${days(age)} old, and times.deleteDelay is ${days(times.deleteDelay)}: a restore of it would ` +
      'have named bytes that are deleted by now. Back up more often, or give a longer times.deleteDelay (docs/operations.md, Backup)',
  )
}

function days(milliseconds: number): string {
  const hours = milliseconds / 3_600_000
  return hours < 72 ? `${Number(hours.toFixed(1))} hours` : `${Number((hours / 24).toFixed(1))} days`
}
