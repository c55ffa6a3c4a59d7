import { syncDirectory } from '../files/directory.ts'
import { SpoolFile } from '../files/spool-file.ts'
import { ifThere, sys } from '../files/system-calls.ts'
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

/** The first to link its file to the name has claimed the root. Resolves with the marker that is there then. */
export async function claimMarker(layout: Layout, marker: string, durable: boolean): Promise<string> {
  const file = await SpoolFile.create(layout.spools)
  try {
    await file.write([Buffer.from(marker)])
    await file.finish(durable)
    await file.linkTo(layout.marker)
  } finally {
    await file.discard()
  }
  if (durable) await syncDirectory(layout.root)
  // It is there now, and nobody deletes it.
  return (await readMarker(layout)) ?? marker
}

/** A file of its own that takes the place of the old one in one step. */
export async function writeMarker(layout: Layout, marker: string, durable: boolean): Promise<void> {
  const file = await SpoolFile.create(layout.spools)
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
