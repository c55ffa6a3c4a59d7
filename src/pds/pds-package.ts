import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { requireFrom } from '../node-require.ts'
import type { PdsPackage, RunningPds } from './running-pds.ts'

/** An account that cannot exist. */
export const nobody = 'did:web:pds-blobstore.invalid'

/** The copy of `@atproto/pds` whose code this PDS runs; there may be others. Null if unknown. */
export async function packageOf(pds: RunningPds): Promise<PdsPackage | null> {
  for (const file of [...(await filesThrowing(pds)), ...filesInReach()]) {
    const version = versionAt(file)
    if (version !== null) return { version, file }
  }
  return null
}

/** The stack of an error names files. This error, about a missing account, costs nothing and leaves nothing. */
async function filesThrowing(pds: RunningPds): Promise<string[]> {
  try {
    await pds.ctx.actorStore.openDb(nobody)
    return []
  } catch (error) {
    const frames = String((error as Error | undefined)?.stack).matchAll(
      /(?<file>(?:file:\/\/)?\/[^()\n]*):\d+:\d+\)?$/gm,
    )
    return [...frames].flatMap(({ groups }) => pathOf(groups?.file ?? ''))
  }
}

/** Its main file, as resolved from here, from the program that was started, and from its folder. */
function filesInReach(): string[] {
  const program = pathToFileURL(process.argv[1] ?? '').href
  const here = pathToFileURL(join(process.cwd(), 'x')).href
  return [import.meta.url, program, here].flatMap((from) => {
    try {
      return [requireFrom(from).resolve('@atproto/pds')]
    } catch {
      return [] // cannot be resolved from there
    }
  })
}

function pathOf(file: string): string[] {
  try {
    return [file.startsWith('file:') ? fileURLToPath(file) : file]
  } catch {
    return []
  }
}

/** The version of `@atproto/pds`, if this file belongs to it. */
function versionAt(file: string): string | null {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      if (typeof name === 'string') return name === '@atproto/pds' ? String(version) : null
    } catch {
      // A folder within the package.
    }
  }
  return null
}
