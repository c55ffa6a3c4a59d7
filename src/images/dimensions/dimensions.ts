import { gif } from './gif.ts'
import { type FoundDimensions, Header, type Source } from './header.ts'
import { isoMedia } from './iso-media.ts'
import { jpeg } from './jpeg.ts'
import { matroska } from './matroska.ts'
import { png } from './png.ts'
import { webp } from './webp.ts'

const readers = [png, jpeg, gif, webp, isoMedia, matroska]

/**
 * The dimensions of an image or a video, from its header and without decoding it; null if unknown. Usually reads a few
 * kilobytes, at most 4 MiB. These are our own readers because they run in the server's process on untrusted bytes: each
 * is a bounded walk. They follow what sharp and browsers show and, where these differ, sharp, so that a variant has the
 * same dimensions.
 */
export async function findDimensions(source: Source): Promise<FoundDimensions | null> {
  const header = new Header(source)
  for (const read of readers) {
    const found = await read(header)
    if (found) return found.width > 0 && found.height > 0 ? found : null
  }
  return null
}
