import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { isVersionName } from '../../backend/disk/layout.ts'
import { isBlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import { invalidArgument } from '../../options.ts'

/** What an export writes: files and a manifest, or the tree of the reference PDS. */
export type ExportLayout = 'files' | 'pds'

interface ExportPlace {
  /** For the error: the function that was called. */
  what: string
  layout: ExportLayout
  /** All that are written to. They may not be there yet. */
  folders: readonly string[]
  /** Where the databases of the PDS are. */
  actors?: string | undefined
}

/**
 * Refuses to write where another program keeps its own, which would take the files for its own, or lose some of its own to
 * them: in the folder of a blob store, around one, among a PDS's databases, in a folder of another layout.
 *
 * @throws `InvalidArgument`
 */
export async function assertExportPlace({ what, layout, folders, actors }: ExportPlace): Promise<void> {
  const databases = actors === undefined ? null : await truePath(actors)
  for (const folder of folders) {
    const path = await truePath(folder)
    const reason = await reasonAgainst(path, layout, databases)
    if (reason === null) continue
    throw invalidArgument(what, `${folder} ${reason}: give an empty folder, or one of its own`)
  }
}

async function reasonAgainst(path: string, layout: ExportLayout, databases: string | null): Promise<string | null> {
  for (let above = path; ; above = dirname(above)) {
    if ((await namesIn(above)).some(isVersionName)) return `lies in the folder of a blob store (${above})`
    if (dirname(above) === above) break
  }
  if (databases !== null && (isWithin(path, databases) || isWithin(databases, path))) {
    return 'is where the databases of the PDS are, or lies around them'
  }
  const names = await namesIn(path)
  for (const name of names) {
    if ((await namesIn(join(path, name))).some(isVersionName)) return `has the folder of a blob store in it (${name})`
  }
  return foreignLayout(names, layout)
}

function foreignLayout(names: readonly string[], layout: ExportLayout): string | null {
  if (names.some((name) => ['account.sqlite', 'sequencer.sqlite', 'did_cache.sqlite'].includes(name))) {
    return 'has the databases of a PDS in it'
  }
  if (names.includes('ba')) return 'has blobs as Aurora Locus keeps them'
  const isOfPds = names.some((name) => isDid(name) || name === 'tempt' || name === 'quarantine')
  if (layout === 'files' && isOfPds) return 'has blobs as @atproto/pds keeps them'
  const isOfFiles = names.some((name) => isBlobCid(name) || name === 'manifest.jsonl')
  if (layout === 'pds' && isOfFiles) return 'has an export of plain files in it'
  return null
}

/** Whether the one is the other, or lies in it. Both are true paths. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`))
}

/** Without symbolic links, as far as it is there. */
export async function truePath(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(await truePath(above), relative(above, path))
  }
}

async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => [])
}
