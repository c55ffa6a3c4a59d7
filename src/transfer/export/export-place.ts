import { readdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { isVersionName } from '../../backend/disk/layout.ts'
import { isBlobCid } from '../../blob/cid.ts'
import { isDid } from '../../blob/identifiers.ts'
import { invalidArgument } from '../../options.ts'

/** What an export writes: files and a manifest, or the layout of the reference PDS. */
export type ExportLayout = 'files' | 'pds'

interface ExportPlace {
  /** For the error: the function that was called. */
  what: string
  layout: ExportLayout
  /** All folders that are written to. They need not exist yet. */
  folders: readonly string[]
  /** Where the databases of the PDS are. */
  actors?: string | undefined
}

/**
 * Refuses to write where another program keeps its files, because it would take the new files for its own, or lose some
 * of its own: in the folder of a blob store, around one, among a PDS's databases, in a folder of another layout.
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
    if ((await namesIn(above)).some(isVersionName)) return `is in the folder of a blob store (${above})`
    if (dirname(above) === above) break
  }
  if (databases !== null && (isWithin(path, databases) || isWithin(databases, path))) {
    return 'is where the databases of the PDS are, or contains them'
  }
  const names = await namesIn(path)
  for (const name of names) {
    if ((await namesIn(join(path, name))).some(isVersionName)) return `contains the folder of a blob store (${name})`
  }
  return foreignLayout(names, layout)
}

function foreignLayout(names: readonly string[], layout: ExportLayout): string | null {
  if (names.some((name) => ['account.sqlite', 'sequencer.sqlite', 'did_cache.sqlite'].includes(name))) {
    return 'contains the databases of a PDS'
  }
  if (names.includes('ba')) return 'contains blobs in the layout of Aurora Locus'
  const isOfPds = names.some((name) => isDid(name) || name === 'tempt' || name === 'quarantine')
  if (layout === 'files' && isOfPds) return 'contains blobs in the layout of @atproto/pds'
  const isOfFiles = names.some((name) => isBlobCid(name) || name === 'manifest.jsonl')
  if (layout === 'pds' && isOfFiles) return 'contains an export of plain files'
  return null
}

/** Whether `path` is `folder`, or inside it. Both are true paths. */
export function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || way.startsWith(`..${sep}`))
}

/** The path without symbolic links, as far as it exists. */
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
