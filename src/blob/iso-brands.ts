import type { Finding } from './finding.ts'

/** What each brand stands for (MP4RA, ISO/IEC 23008-12, 3GPP TS 26.244). As written in files: four characters. */
const brands = new Map<string, string>([
  ...of('image/avif', 'avif avis avio MA1A MA1B'),
  ...of('image/heic', 'heic heix heim heis MiHA MiHB MiHE'),
  ...of('image/heic-sequence', 'hevc hevx hevm hevs'),
  ...of('image/avci', 'avci'),
  ...of('image/avcs', 'avcs'),
  ...of('image/hej2k', 'j2ki'),
  ...of('image/heif', 'mif1 mif2 mif3 miaf 1pic unif jpeg evbi vvic'),
  ...of('image/heif-sequence', 'msf1 jpgs evbs vvis'),
  ...of('image/x-canon-cr3', 'crx'),
  ...of('image/jp2', 'jp2'),
  ...of('image/jph', 'jph'),
  ...of('image/jpx', 'jpx jpxb'),
  ...of('image/jpm', 'jpm'),
  ...of('image/mj2', 'mjp2 mj2s'),
  ...of('image/jxl', 'jxl'),
  ...of('video/quicktime', 'qt mqt'),
  ...of('video/x-m4v', 'M4V M4VH M4VP'),
  ...of('audio/x-m4a', 'M4A'),
  ...of('audio/mp4', 'M4B F4A F4B'),
  ...of('video/3gpp2', 'kddi'),
  ...of('video/mp4', 'isom mp41 mp42 mp71 avc1 dash cmfc cmf2 cmff cmfs msdh msix dsms MSNV mmp4 M4P F4V F4P'),
])

/** Formats that hold others: a more exact brand among the compatible ones says which. */
const general: ReadonlySet<string> = new Set(['image/heif', 'image/heif-sequence'])

/**
 * The type of a file with these brands, the major one first. The major brand decides; where it is general (`mif1`),
 * unknown, or 3GPP's in a file that says to be MP4 as well, as Android writes it, the compatible ones do. What they
 * stand for may be declared as well, as long as it is of the same sort.
 */
export function brandedTypes([major = '', ...compatible]: readonly string[]): Finding {
  const others = compatible.map(typeOf).filter((type) => type !== null)
  const type = typeOf(major)
  const sniffed = decided(type, others)
  const sort = sortOf(sniffed)
  // What is general refines too much: an AVIF that is HEIF, which may be HEIC.
  const also = [type, ...others].filter((one) => one !== null && sortOf(one) === sort && !general.has(one))
  return { sniffed, also: [...new Set(also as string[])].filter((one) => one !== sniffed) }
}

function decided(type: string | null, others: readonly string[]): string {
  if (type === null) {
    if (others.includes('video/mp4')) return 'video/mp4'
    const first = others.find((one) => !general.has(one)) ?? others[0]
    return first ?? 'video/mp4'
  }
  if (type.startsWith('video/3gpp') && others.includes('video/mp4')) return 'video/mp4'
  if (!general.has(type)) return type
  const images = others.filter((one) => one.startsWith('image/') && !general.has(one))
  const moving = type.endsWith('-sequence')
  return images.find((one) => one.endsWith('-sequence') === moving) ?? images[0] ?? type
}

function typeOf(brand: string): string | null {
  const name = brand.replaceAll('\0', ' ').trimEnd()
  if (name.startsWith('3g2')) return 'video/3gpp2'
  if (name.startsWith('3g')) return 'video/3gpp'
  if (/^iso[0-9a-z]$/.test(name)) return 'video/mp4'
  return brands.get(name) ?? null
}

function sortOf(type: string): string | undefined {
  return type.split('/', 1)[0]
}

function of(type: string, names: string): [string, string][] {
  return names.split(' ').map((name) => [name, type])
}
