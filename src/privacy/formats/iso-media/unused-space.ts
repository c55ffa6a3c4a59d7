import type { FoundParts } from '../../parts.ts'
import { namesPlace } from '../../places.ts'
import type { ScannedFile } from '../../scanned-file.ts'
import { type Box, blank } from './boxes.ts'

/** Boxes that players skip. */
export const spaces: ReadonlySet<string> = new Set(['free', 'skip', 'wide'])

/** Unused space with something in it: programs leave there what they removed. */
export async function unusedSpace(file: ScannedFile, parts: FoundParts, box: Box): Promise<void> {
  const { content, end } = box
  if (await file.has(content, end, new Uint8Array(0))) return
  await blank(file, parts, box, { name: 'unused space', place: await namesPlace(file, content, end) })
}
