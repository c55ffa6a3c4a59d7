import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The packages that a built file imports when it is loaded, and those that only a call of it imports. */
export interface Imports {
  atOnce: Set<string>
  later: Set<string>
  /** Our own files that are loaded at once. */
  files: Set<string>
}

/** Walks from a built file through those that it imports. */
export function importsOf(file: string): Imports {
  const imports: Imports = { atOnce: new Set(), later: new Set(), files: new Set() }
  const lazy = new Set<string>()
  walk(file, imports.files, imports.atOnce, { files: lazy, packages: imports.later })
  // What is loaded later loads others.
  for (const late of lazy) walk(late, new Set(), imports.later, { files: lazy, packages: imports.later })
  return imports
}

function walk(
  file: string,
  seen: Set<string>,
  packages: Set<string>,
  later: { files: Set<string>; packages: Set<string> },
): void {
  if (seen.has(file)) return
  seen.add(file)
  const code = readFileSync(file, 'utf8')
  for (const [, name = ''] of code.matchAll(/^(?:import|export)\b[^'"]*?['"]([^'"]+)['"]/gm)) {
    if (name.startsWith('.')) walk(join(file, '..', name), seen, packages, later)
    else packages.add(name)
  }
  for (const [, name = ''] of code.matchAll(/\bimport\(['"]([^'"]+)['"]\)/g)) {
    if (name.startsWith('.')) later.files.add(join(file, '..', name))
    else later.packages.add(name)
  }
}

/** `@scope/name/path` belongs to `@scope/name`. */
export function packageOf(specifier: string): string {
  const [scope = '', inner] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${inner}` : scope
}
