import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The packages that a built file imports when it is loaded, and those that only a call of it does. */
export interface Imports {
  atOnce: Set<string>
  later: Set<string>
}

/** Walks from a built file through those that it imports. */
export function importsOf(file: string, seen: Set<string> = new Set()): Imports {
  const [atOnce, later] = [new Set<string>(), new Set<string>()]
  if (seen.has(file)) return { atOnce, later }
  seen.add(file)
  const code = readFileSync(file, 'utf8')
  for (const [, quoted = ''] of code.matchAll(/^(?:import|export)\b[^'"]*?['"]([^'"]+)['"]/gm)) {
    if (!quoted.startsWith('.')) {
      atOnce.add(quoted)
      continue
    }
    const inner = importsOf(join(file, '..', quoted), seen)
    for (const name of inner.atOnce) atOnce.add(name)
    for (const name of inner.later) later.add(name)
  }
  for (const [, quoted = ''] of code.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g)) later.add(quoted)
  return { atOnce, later }
}

/** `@scope/name/path` is of `@scope/name`. */
export function packageOf(specifier: string): string {
  const [scope = '', inner] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${inner}` : scope
}
