import type { Change } from '../store/privacy.ts'
import { dataNamesPlace } from './places.ts'
import { type ScannedFile, Unsearchable } from './scanned-file.ts'

/** A part of a file that may say more than what is to be seen. */
export interface PrivatePart {
  /** As its format names it: `Exif`, `XMP`, `comment`. */
  name: string
  /** Whether it says, or may say, where the file was made. */
  place: boolean
}

/** With what takes the part out. */
export interface FoundPart extends PrivatePart {
  change: Change
}

/** What a search of one file has found. */
export interface Search {
  parts: readonly FoundPart[]
  /** What else must change with these parts: a size, a flag. */
  also?(chosen: readonly FoundPart[]): Change[]
}

/** In one file; the rest of a hostile one. */
const mostParts = 100_000

/** Collects parts, of which a hostile file may have very many. */
export class FoundParts {
  readonly list: FoundPart[] = []

  add(name: string, place: boolean, change: Change): void {
    if (this.list.length === mostParts) throw new Unsearchable('it has too many parts')
    this.list.push({ name, place, change })
  }

  /** A part that is cut. */
  cut(name: string, place: boolean, start: number, end: number): void {
    this.add(name, place, { start, end, bytes: new Uint8Array(0) })
  }
}

/** What follows a picture may be anything, such as a video of the moment. Zeros are not: some cameras fill up a block. */
export async function cutTrailing(file: ScannedFile, parts: FoundParts, end: number): Promise<void> {
  if (await file.has(end, file.size, new Uint8Array(0))) return
  parts.cut('data after the picture', await dataNamesPlace(file, end, file.size), end, file.size)
}
