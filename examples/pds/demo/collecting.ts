import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunningPds } from '../pds.ts'

/** Ends all grace periods, collects, and checks from outside what is left. */
export async function collectAll({ blobs, attachment, dir }: RunningPds) {
  for (let round = 0; round < 3; round++) {
    await attachment?.reconcile()
    await new Promise((resolve) => setTimeout(resolve, blobs.times.grace / 2 + 10))
    await blobs.collect()
  }
  const entries = await readdir(join(dir, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
  const { count, doomedCount } = await blobs.stats()
  return { files: entries.filter((entry) => entry.isFile()).length, blobs: count, doomed: doomedCount }
}
