import { syncDirectory } from '../files/directory.ts'
import { SpoolFile } from '../files/spool-file.ts'
import { errnoOf, ifThere, sys } from '../files/system-calls.ts'
import { settledMarker } from '../settled-marker.ts'
import type { Layout } from './layout.ts'

export async function readMarker(layout: Layout): Promise<string | null> {
  const fd = await ifThere(sys.openToRead(layout.marker), null)
  if (fd === null) return null
  try {
    const { size } = await sys.fstat(fd)
    const bytes = Buffer.alloc(size)
    return bytes.toString('utf8', 0, await sys.read(fd, bytes, size, 0))
  } finally {
    await sys.close(fd)
  }
}

/** Errors of `link` on a file system without hard links, such as exFAT, or a folder shared with a virtual machine. */
const noLinks: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])

/**
 * The first process that links its file to the name has claimed the root. Resolves with the marker that is there then.
 */
export async function claimMarker(
  layout: Layout,
  marker: string,
  durable: boolean,
  signal: AbortSignal | undefined,
): Promise<string> {
  const file = await SpoolFile.create(layout.spools, layout.owner)
  try {
    await file.write([Buffer.from(marker)])
    await file.finish(durable)
    await file.linkTo(layout.marker)
  } catch (error) {
    if (!noLinks.has(errnoOf(error) ?? '')) throw error
    const place = {
      readMarker: () => readMarker(layout),
      writeMarker: (text: string) => writeMarker(layout, text, durable),
    }
    return settledMarker(place, marker, { signal })
  } finally {
    await file.discard()
  }
  if (durable) await syncDirectory(layout.root)
  // The marker exists now, and is never deleted.
  return (await readMarker(layout)) ?? marker
}

/** Writes a new file and renames it over the old one, in one step. */
export async function writeMarker(layout: Layout, marker: string, durable: boolean): Promise<void> {
  const file = await SpoolFile.create(layout.spools, layout.owner)
  try {
    await file.write([Buffer.from(marker)])
    await file.finish(durable)
    await file.moveTo(layout.marker)
  } catch (error) {
    await file.discard().catch(() => {})
    throw error
  }
  if (durable) await syncDirectory(layout.root)
}
