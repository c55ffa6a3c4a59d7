import { type ParsedOptions, UsageError } from './command.ts'
import { type Place, placeOptions } from './place.ts'
import { booleanOf } from './variables.ts'

/** Options that exclude each other: if the command line has one of them, the variables of all are ignored. */
const alike: readonly { says: readonly (keyof Place)[]; and: readonly (keyof Place)[] }[] = [
  { says: ['disk', 's3'], and: ['write'] },
  { says: ['sqlite', 'postgres'], and: [] },
]

export interface ChosenPlace {
  /** The options to use. */
  given: ParsedOptions
  /** Whether the store is given by the command line alone. */
  named: boolean
}

/**
 * Which store is meant. The command line beats the environment, so that a forgotten variable sends no command to
 * another store. `sourceOf` says where an option came from, as in commander.
 *
 * @throws `UsageError` for `--config` together with other options, and for a variable that is neither on nor off
 */
export function chosenPlace(given: ParsedOptions, sourceOf: (option: string) => string | undefined): ChosenPlace {
  const names = placeOptions.map((option) => option.attributeName()) as (keyof Place)[]
  const typed = new Set(names.filter((name) => sourceOf(name) === 'cli'))
  const config = typed.has('config')
  if (config && typed.size > 1) throw notBoth(typed)
  const put = new Set<keyof Place>(names.filter((name) => given[name] === ''))
  if (config) for (const name of names) put.add(name)
  else if (typed.size > 0) put.add('config')
  for (const { says, and } of alike) {
    if (says.some((name) => typed.has(name))) for (const name of [...says, ...and]) put.add(name)
  }
  const aside = [...put].filter((name) => !typed.has(name))
  const left = Object.fromEntries(Object.entries(given).filter(([name]) => !(aside as string[]).includes(name)))
  for (const option of placeOptions) {
    const name = option.attributeName()
    // Of an option without a value, commander only looks whether its variable is there.
    if (!option.isBoolean() || !(name in left) || sourceOf(name) !== 'env') continue
    left[name] = booleanOf(option.envVar as string, process.env[option.envVar as string] ?? '')
  }
  const named = config || alike.every(({ says }) => says.some((name) => typed.has(name)))
  return { given: left, named }
}

function notBoth(typed: ReadonlySet<keyof Place>): UsageError {
  const others = placeOptions.filter((option) => {
    const name = option.attributeName() as keyof Place
    return name !== 'config' && typed.has(name)
  })
  const flags = others.map((option) => option.long).join(', ')
  return new UsageError(`Give either --config or ${flags}, not both. The module of --config says where its store is`)
}
