import { avifs } from './avif.ts'
import type { Size, WildFile } from './file.ts'
import { gifs } from './gif.ts'
import { jpegs } from './jpeg.ts'
import { pngs } from './png.ts'
import { videos } from './video.ts'
import { webps } from './webp.ts'

/**
 * Files about which sharp and Chromium disagree: what the one says that is not followed. A test checks that they still
 * do.
 */
export interface Judged extends WildFile {
  chromium: Size | null
  /** What sharp's metadata say, of an image. */
  sharp: Size | null
  /** Whether sharp cannot decode what Chromium shows, or what its header promises. */
  refused: boolean
}

export async function wildFiles(): Promise<Judged[]> {
  const all = [
    ...(await jpegs()),
    ...(await pngs()),
    ...(await gifs()),
    ...(await webps()),
    ...(await avifs()),
    ...videos(),
  ]
  for (const name of Object.keys(otherwise)) if (!all.some((file) => file.name === name)) throw new Error(`No ${name}`)
  return all.map((file) => {
    const said = otherwise[file.name] ?? {}
    const { chromium = said.chromium === null ? null : file.shown, sharp = said.sharp === null ? null : file.shown } =
      said
    return { ...file, chromium, sharp, refused: file.shown === null || said.refused === true }
  })
}

type Said = { chromium?: Size | null; sharp?: Size | null; refused?: true }

const upright = { width: 60, height: 40 }
const turned = { width: 40, height: 60 }
const uncut = { chromium: upright }
const uncutAndTurned = { chromium: turned }
const cutByHeader = (width: number, height: number): Said => ({ sharp: { width, height }, refused: true })
const unknown: Said = { sharp: null }
const undecodable: Said = { sharp: null, refused: true }

const otherwise: Record<string, Said> = {
  // Chromium accepts only shorts, sharp any whole number; the variant is rotated, so the dimensions are too.
  'a JPEG whose orientation is a long': { chromium: upright },
  'a JPEG whose orientation is a little-endian long': { chromium: upright },
  'a JPEG whose orientation is a byte': { chromium: upright },
  'a JPEG whose orientation is signed': { chromium: upright },
  'a JPEG whose orientation counts two': { chromium: upright },
  // Chromium skips an empty EXIF block, and requires one zero after its name.
  'a JPEG whose first EXIF is empty': { chromium: turned },
  'a JPEG whose EXIF header ends in one zero': { chromium: turned },
  // Chromium recognizes images by their first bytes, and this is none of them.
  'a JPEG with zeros before a marker': { chromium: null },
  'a JPEG with zeros before EXIF': { chromium: null },
  'a JPEG with zeros and fill bytes before a marker': { chromium: null },
  // sharp reads these headers, but decodes nothing.
  'a JPEG that is lossless': { sharp: upright },
  'a JPEG of 12 bits': { sharp: upright },
  'a PNG whose EXIF has a wrong checksum': { chromium: upright },
  // sharp uses the frame where a screen has no size, or that of a monitor; the variant has all of it.
  'a GIF whose screen has no height, and a wider width': { sharp: { width: 6, height: 9 } },
  'a GIF whose screen is 640 × 480 around a small frame': { sharp: { width: 6, height: 4 } },
  'a GIF whose screen is 0 × 0 and its frame too': { sharp: { width: 1, height: 1 } },
  // Chromium shows an empty screen.
  'a GIF without a frame': { chromium: { width: 6, height: 4 } },
  'a GIF with zeros before its frame': undecodable,
  // Chromium does not look for EXIF in WebP. sharp does.
  'a WebP with EXIF, on its side': { chromium: upright },
  'a WebP with EXIF, on its side, little-endian': { chromium: upright },
  'a WebP with EXIF as JPEG has it, on its side': { chromium: upright },
  'a WebP with EXIF before its picture': { chromium: upright },
  'a WebP with two EXIF, the first on its side': { chromium: upright },
  'a WebP with EXIF behind XMP of an odd length': { chromium: upright },
  'a WebP with EXIF behind an unknown chunk': { chromium: upright },
  'a WebP that is lossless with EXIF, on its side': { chromium: upright },
  'a WebP that says it is longer than it is': undecodable,
  'a WebP cut off in its picture': undecodable,
  // Chromium does not crop. sharp does, as the standard says.
  'an AVIF that is cut': uncut,
  'an AVIF that is cut to a fraction that comes out even': uncut,
  'an AVIF that is cut away from the middle': uncut,
  'an AVIF that is cut and turned': uncutAndTurned,
  'an AVIF that is cut, turned and mirrored': uncutAndTurned,
  'an AVIF that is cut and turned, as properties lie the other way round': uncutAndTurned,
  'an AVIF that is cut to an odd width': uncut,
  'an AVIF that is cut off its middle by a half': uncut,
  'an AVIF that is cut off its middle by a whole': { ...uncut, refused: true },
  'an AVIF that is cut past its right by a half': uncut,
  'an AVIF that is cut past its left by a half': uncut,
  'an AVIF that is cut to a third': uncut,
  'an AVIF that is turned, then cut': uncutAndTurned,
  'an AVIF that is cut twice': uncut,
  'an AVIF whose cut is no whole number': uncut,
  // sharp returns no picture for an impossible crop.
  'an AVIF whose cut is larger than it': cutByHeader(80, 60),
  'an AVIF that is cut off its middle by more': cutByHeader(31, 21),
  'an AVIF that is cut past its left': cutByHeader(30, 40),
  'an AVIF that is cut past its right': cutByHeader(30, 40),
  'an AVIF whose cut lies outside': cutByHeader(40, 30),
  'an AVIF that is cut to nothing': undecodable,
  'an AVIF that is cut to less than nothing': undecodable,
  'an AVIF whose cut divides by zero': undecodable,
  // Chromium rotates once.
  'an AVIF that is turned twice': { chromium: turned },
  'an AVIF that is turned by one property twice': { chromium: turned },
  'an AVIF that says its dimensions twice': cutByHeader(80, 20),
  'an AVIF whose dimensions are not coded': { refused: true },
  // sharp recognizes AVIF by few brands; the variant is generated with one of them.
  'an AVIF of the brand miaf': unknown,
  'an AVIF of the brand mif2': unknown,
  'an AVIF of the brand MA1B': unknown,
  'an AVIF that moves': unknown,
  'an AVIF that moves, its movie first': unknown,
  'an AVIF of the brand avis, that does not move': { chromium: null, sharp: null },
  'an AVIF of the brand mif1 alone': { chromium: null, refused: true }, // it could also be HEIC
  'an AVIF whose brand is in none of the places': undecodable,
  'an AVIF cut off in its picture': { chromium: null, refused: true },
  // Chromium plays no video as long as that.
  'a video whose pixels are 1000 to 1': { chromium: null },
  'a video whose pixels are 1 to 1000': { chromium: null },
}
