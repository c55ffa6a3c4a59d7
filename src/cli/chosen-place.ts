import { type ParsedOptions, UsageError } from './command.ts'
import { type Place, placeOptions } from './place.ts'

/** Of the options that say the same, one that the command line has puts the variables of all aside. */
const alike: readonly { says: readonly (keyof Place)[]; and: readonly (keyof Place)[] }[] = [
  { says: ['disk', 's3'], and: ['write'] },
  { says: ['sqlite', 'postgres'], and: [] },
]

export interface ChosenPlace {
  /** The options that count. */
  given: ParsedOptions
  /** Whether the command line itself says it all, and the environment nothing. */
  named: boolean
}

/**
 * The place that is meant: what the command line says counts before what the environment says, so that a variable that
 * was forgotten there sends no command to another store. `sourceOf` tells where an option came from, as commander does.
 *
 * @throws `UsageError` for `--config` beside other options
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
  const named = config || alike.every(({ says }) => says.some((name) => typed.has(name)))
  return { given: left, named }
}

function notBoth(typed: ReadonlySet<keyof Place>): UsageError {
  const others = placeOptions.filter((option) => {
    const name = option.attributeName() as keyof Place
    return name !== 'config' && typed.has(name)
  })
  const flags = others.map((option) => option.long).join(', ')
  return new UsageError(
    `--config and ${flags}: give one or the other. The store of a configuration is where its module says`,
  )
}
