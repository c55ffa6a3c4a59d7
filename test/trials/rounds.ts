import type { Control } from './trial.ts'

/** How much a trial is to do. */
export interface Amount {
  count: number
  /** Ends earlier when they are over. */
  minutes: number
}

/**
 * Runs round after round, until enough was done, the time is over, or it is told to end; reports its progress each half
 * minute, and at the end. `round` resolves with how much it did.
 */
export async function untilOver(
  { count, minutes }: Amount,
  { say, progress, signal }: Control,
  round: (done: number) => Promise<number>,
  figures: (done: number) => string,
): Promise<number> {
  const started = performance.now()
  const end = started + minutes * 60_000
  const passed = () => `${((performance.now() - started) / 60_000).toFixed(1)} min`
  let [done, toldAt] = [0, started]
  while (done < count && performance.now() < end && !signal.aborted) {
    done += await round(done)
    if (performance.now() - toldAt < 30_000) continue
    toldAt = performance.now()
    progress(`${passed()}: ${figures(done)}`)
  }
  say(`${figures(done)}, in ${passed()}`)
  return done
}
