import { parseArgs } from 'node:util'

type Texts = Readonly<Record<string, string | undefined>>

/** One option of a trial, `--name value`, or `--name` alone where `value` is null. */
export interface Option<T> {
  /** The name of its value in the usage. */
  value: string | null
  help: string
  /** Its value, from its text and the values of the others. @throws for an invalid value */
  read(text: string | undefined, texts: Texts): T
}

export type Options = Readonly<Record<string, Option<unknown>>>
export type ValuesOf<O extends Options> = { [Name in keyof O]: O[Name] extends Option<infer T> ? T : never }

/** How often to repeat the trial: as long as `--minutes` says, if only that is given. */
export function times(often: number, help: string): Option<number> {
  return {
    value: 'N',
    help: `${help} (default ${often}; with --minutes alone: until they are over)`,
    read: (text, { minutes }) => positive(text) ?? (minutes === undefined ? often : Number.MAX_SAFE_INTEGER),
  }
}

export function number<T extends number | undefined>(help: string, fallback: T): Option<number | T> {
  const told = fallback === undefined ? '' : ` (default ${fallback})`
  return { value: 'N', help: help + told, read: (text) => numberOf(text) ?? fallback }
}

export function text(value: string, help: string): Option<string | undefined> {
  return { value, help, read: (given) => given }
}

export function flag(help: string): Option<boolean> {
  return { value: null, help, read: (given) => given !== undefined }
}

/** One of these, or all: with `both` or `all`, or when it is omitted. */
export function oneOf<T extends string>(all: readonly T[], help: string): Option<readonly T[]> {
  return {
    value: all.join('|'),
    help: `${help} (default all)`,
    read: (given = 'all') => (given === 'all' || given === 'both' ? all : [choice(all, given)]),
  }
}

/** One of these, the first when it is omitted. */
export function kind<T extends string>(all: readonly [T, ...T[]], help: string): Option<T> {
  return { value: all.join('|'), help: `${help} (default ${all[0]})`, read: (given) => choice(all, given ?? all[0]) }
}

/** A rule that the trial breaks: then it must find something. */
export function breaking<T extends string>(rules: readonly T[]): Option<T | null> {
  return {
    value: rules.join('|'),
    help: 'break this rule: then the trial must find something',
    read: (given) => (given === undefined ? null : choice(rules, given)),
  }
}

/** The options of every trial. */
export const common = {
  minutes: {
    value: 'M',
    help: 'stop after M minutes in all',
    read: (given) => positive(given) ?? Number.POSITIVE_INFINITY,
  },
  seed: {
    value: 'S',
    help: 'repeat the choices of an earlier run',
    read: (given) => given ?? String(Math.floor(Math.random() * 1e9)),
  },
  json: flag('print the result as JSON'),
  help: flag('print this'),
} satisfies Record<string, Option<unknown>>

export type Common = ValuesOf<typeof common>

/** @throws if they are invalid */
export function valuesOf<O extends Options>(options: O, args: string[]): ValuesOf<O> {
  const kinds = Object.entries(options).map(([name, { value }]) => [
    name,
    { type: value === null ? 'boolean' : 'string' } as const,
  ])
  const { values } = parseArgs({ args, options: Object.fromEntries(kinds) })
  const texts = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
  const read = ([name, option]: [string, Option<unknown>]): [string, unknown] => {
    try {
      return [name, option.read(texts[name], texts)]
    } catch (error) {
      throw new Error(`--${name} ${texts[name]}: ${error instanceof Error ? error.message : error}`)
    }
  }
  return Object.fromEntries(Object.entries(options).map(read)) as ValuesOf<O>
}

export function usageOf(options: Options): string {
  const names = Object.entries(options).map(([name, { value }]) => `--${name}${value === null ? '' : ` ${value}`}`)
  // Long lists of choices are on the line above their help.
  const width = Math.max(...names.map(({ length }) => length).filter((length) => length < 24))
  const lines = Object.values(options).map(({ help }, at) => {
    const name = names[at] as string
    return name.length > width ? `  ${name}\n  ${' '.repeat(width)}  ${help}\n` : `  ${name.padEnd(width)}  ${help}\n`
  })
  return lines.join('')
}

function numberOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const value = Number(given)
  if (given.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new Error('expected a number')
}

/** None at all would be a trial that cannot fail. */
function positive(given: string | undefined): number | undefined {
  const value = numberOf(given)
  if (value === 0) throw new Error('expected a number above 0')
  return value
}

function choice<T extends string>(all: readonly T[], given: string): T {
  const found = all.find((one) => one === given)
  if (found === undefined) throw new Error(`expected ${all.join(', ')}`)
  return found
}
