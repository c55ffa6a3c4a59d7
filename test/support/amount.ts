import { parseArgs } from 'node:util'

/** How much a trial is to do, and from which seed: what all commands of trials have in common. */
export interface Amount {
  count: number
  /** Ends earlier when they are over. */
  minutes: number
  seed: number
}

type Values = Readonly<Record<string, string | undefined>>

export interface TrialUsage {
  /** Printed for `--help`, and after what cannot be meant. */
  usage: string
  /** The option that says how often, and what it is without `--minutes`. */
  count: [name: string, often: number]
  /** Further options, each with a value. */
  more?: readonly string[]
}

/** Reads the command line of a trial. For `--help`, and for what cannot be meant, prints the usage and ends the process. */
export function amountOf<T>({ usage, count, more = [] }: TrialUsage, rest: (values: Values) => T): Amount & T {
  const [name, often] = count
  try {
    const names = [name, 'minutes', 'seed', ...more]
    const strings = Object.fromEntries(names.map((one) => [one, { type: 'string' } as const]))
    const { values } = parseArgs({ options: { ...strings, help: { type: 'boolean' } } })
    if (values.help) {
      process.stdout.write(usage)
      process.exit(0)
    }
    const texts = values as Values
    const endless = texts.minutes === undefined ? often : Number.MAX_SAFE_INTEGER
    return {
      count: numberOf(texts, name) ?? endless,
      minutes: numberOf(texts, 'minutes') ?? Number.POSITIVE_INFINITY,
      seed: numberOf(texts, 'seed') ?? Math.floor(Math.random() * 1e9),
      ...rest(texts),
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`)
    process.exit(2)
  }
}

/** @throws for what is no number */
export function numberOf(values: Values, name: string): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text !== '' && Number.isFinite(value) && value >= 0) return value
  throw new Error(`--${name} ${text}: expected a number`)
}

/** One of those, or all of them. @throws for another */
export function chosenOf<T extends string>(values: Values, name: string, all: readonly T[]): readonly T[] {
  const text = values[name]
  if (text === undefined) return all
  const chosen = all.filter((one) => one === text)
  if (chosen.length > 0) return chosen
  throw new Error(`--${name} ${text}: expected ${all.join(', ')}`)
}

/**
 * Goes on, round after round, until enough was done, the time is over, or somebody wants it to end; tells how far it is
 * each half minute, on stderr. `round` resolves with how much it did.
 */
export async function untilOver(
  { count, minutes }: Amount,
  round: (done: number) => Promise<number>,
  progress: (done: number) => string,
): Promise<number> {
  const started = performance.now()
  const end = started + minutes * 60_000
  let [done, stopped, toldAt] = [0, false, started]
  const stop = (): void => {
    stopped = true
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  while (done < count && performance.now() < end && !stopped) {
    done += await round(done)
    if (performance.now() - toldAt < 30_000) continue
    toldAt = performance.now()
    process.stderr.write(`${((toldAt - started) / 60_000).toFixed(1)} min: ${progress(done)}\n`)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop)
  process.stdout.write(`${progress(done)}, in ${((performance.now() - started) / 60_000).toFixed(1)} min\n`)
  return done
}
