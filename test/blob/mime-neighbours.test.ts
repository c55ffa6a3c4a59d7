import { expect, test } from 'vitest'
import { effectiveMimeType } from '../../src/blob/mime-policy.ts'
import { sniffedInstead, snifferSpelling } from '../../src/blob/mime-refinements.ts'

// What correct clients declare, and how the same bytes sniff. Fails when a family is missing, or when a pattern
// includes what only looks like a member.

const office = 'application/vnd.openxmlformats-officedocument'
const words = `${office}.wordprocessingml.document`
const slides = `${office}.presentationml.presentation`
const sheets = `${office}.spreadsheetml.sheet`

/** By the sniffed type: what may be declared, in the sniffer's spelling. */
const families: Record<string, readonly string[]> = {
  'image/apng': ['image/png'],
  'image/png': ['image/apng'],
  'image/heic': ['image/heif'],
  'image/heif': ['image/heic', 'image/avif'],
  'image/heic-sequence': ['image/heic', 'image/heif', 'image/heif-sequence'],
  'image/heif-sequence': ['image/heif', 'image/heic', 'image/heic-sequence', 'image/avif'],
  'image/tiff': ['image/x-adobe-dng', 'image/x-canon-cr2', 'image/x-nikon-nef', 'image/x-sony-arw'],
  'video/mp4': ['audio/mp4', 'audio/x-m4a', 'video/x-m4v', 'application/mp4'],
  'video/x-m4v': ['video/mp4'],
  'audio/mp4': ['audio/x-m4a'],
  'audio/x-m4a': ['audio/mp4'],
  'video/3gpp': ['audio/3gpp'],
  'video/3gpp2': ['audio/3gpp2'],
  'video/webm': ['audio/webm'],
  'video/matroska': ['audio/matroska'],
  'audio/ogg': ['audio/opus', 'audio/vorbis', 'video/ogg', 'application/ogg'],
  'video/ogg': ['application/ogg'],
  'application/ogg': ['audio/ogg', 'audio/opus', 'video/ogg'],
  'video/mp1s': ['video/mpeg'],
  'video/mp2p': ['video/mpeg'],
  'application/vnd.ms-asf': ['video/x-ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma'],
  'video/x-ms-asf': ['video/x-ms-wmv'],
  'audio/x-ms-asf': ['audio/x-ms-wma'],
  'application/gzip': ['application/x-tgz', 'application/x-compressed-tar', 'image/svg+gzip'],
  'application/xml': ['image/svg+xml', 'application/rss+xml'],
  'application/zip': [
    'application/epub+zip',
    words,
    `${office}.presentationml.slideshow`,
    'application/vnd.oasis.opendocument.text',
    'application/vnd.ms-word.document.macroenabled.12',
    'application/vnd.ms-excel.sheet.binary.macroenabled.12',
    'application/vnd.ms-powerpoint.slideshow.macroenabled.12',
    'application/vnd.apple.keynote',
    'application/vnd.apple.numbers',
    'application/vnd.apple.pages',
    'application/java-archive',
    'application/vnd.android.package-archive',
    'application/vnd.google-earth.kmz',
    'application/vnd.visio',
    'application/x-xpinstall',
    'model/3mf',
  ],
  [words]: [`${office}.wordprocessingml.template`, 'application/vnd.ms-word.template.macroenabled.12'],
  [slides]: [
    `${office}.presentationml.slideshow`,
    `${office}.presentationml.template`,
    'application/vnd.ms-powerpoint.presentation.macroenabled.12',
  ],
  [sheets]: [`${office}.spreadsheetml.template`, 'application/vnd.ms-excel.addin.macroenabled.12'],
  'application/x-cfb': [
    'application/msword',
    'application/vnd.ms-excel',
    'application/vnd.ms-outlook',
    'application/vnd.ms-powerpoint',
    'application/vnd.ms-project',
    'application/vnd.visio',
    'application/x-msi',
  ],
}

/** Looks like a member of the family, but is none: a picture, a text, or a type with a mark of its own. */
const strangers: Record<string, readonly string[]> = {
  'application/gzip': ['image/svg+gzipped', 'image/svg+xml', 'application/gzip+json', 'application/pdf'],
  'application/xml': ['image/svg+xmlish', 'text/xml+html', 'application/pdf'],
  'application/zip': ['image/epub+zipped', 'audio/vnd.apple.pages', 'text/zip', 'application/json', 'font/woff2'],
  [words]: [
    'application/vnd.ms-excel.addin.macroenabled.12',
    'application/vnd.ms-word.template.macroenabled.123',
    'x-application/vnd.ms-word.template.macroenabled.12',
    'application/vnd.ms-word.1.macroenabled.12',
  ],
  [slides]: [
    'application/vnd.ms-word.template.macroenabled.12',
    'application/vnd.ms-powerpoint.presentation.macroenabled.123',
    'x-application/vnd.ms-powerpoint.presentation.macroenabled.12',
    'application/vnd.ms-powerpoint.1.macroenabled.12',
  ],
  [sheets]: [
    'application/vnd.ms-word.template.macroenabled.12',
    'application/vnd.ms-excel.addin.macroenabled.123',
    'x-application/vnd.ms-excel.addin.macroenabled.12',
    'application/vnd.ms-excel.1.macroenabled.12',
  ],
  'application/x-cfb': ['image/x-own', 'application/pdf', words],
  'image/tiff': ['image/png', 'image/svg+xml', 'application/x-own'],
  'video/mp4': ['video/x-own', 'audio/aac', 'audio/mpeg', 'video/quicktime', 'video/3gpp'],
}

const stored = (declared: string, sniffed: string): string => {
  return effectiveMimeType({ declared, sniffed, policy: 'sniffed' })
}

test('a declared type is stored within its family', () => {
  for (const [sniffed, members] of Object.entries(families)) {
    for (const declared of members) expect(stored(declared, sniffed), `${declared} in ${sniffed}`).toBe(declared)
  }
})

test('a declared type that only looks like a member is replaced', () => {
  for (const [sniffed, others] of Object.entries(strangers)) {
    for (const declared of others) expect(stored(declared, sniffed), `${declared} in ${sniffed}`).toBe(sniffed)
  }
})

test('a member of a family may sniff as its base type, and as nothing else', () => {
  expect(sniffedInstead('audio/webm')).toEqual(['video/webm'])
  expect(sniffedInstead('application/vnd.visio').sort()).toEqual([
    'application/x-cfb',
    'application/xml',
    'application/zip',
  ])
  expect(sniffedInstead('image/svg+xml')).toEqual(['application/xml'])
  expect(sniffedInstead('text/plain')).toEqual([])
})

test('an archive may be any kind of document or model that has no mark', () => {
  const documents = ['application/vnd.apple.pkpass', 'application/wacz', 'application/zip+dotlottie', 'model/vnd.own']
  const containers = ['application/zip', 'application/java-archive', 'application/gzip', 'application/zstd']
  containers.push('application/x-tar', 'application/x-cfb', 'application/x-sqlite3', 'application/ogg')
  for (const sniffed of containers) {
    for (const declared of documents) expect(stored(declared, sniffed), `${declared} in ${sniffed}`).toBe(declared)
  }
})

test('the sniffer has one name for each type', () => {
  const names = {
    'application/vnd.rar': 'application/x-rar-compressed',
    'application/x-pdf': 'application/pdf',
    'audio/mp3': 'audio/mpeg',
    'image/vnd.microsoft.icon': 'image/x-icon',
    'audio/vnd.wave': 'audio/wav',
    'audio/x-matroska': 'audio/matroska',
    'application/vnd.microsoft.portable-executable': 'application/x-msdownload',
    'binary/octet-stream': 'application/octet-stream',
    'text/xml': 'application/xml',
    'video/avi': 'video/vnd.avi',
    'image/png': 'image/png',
    'constructor/name': 'constructor/name',
  }
  for (const [name, known] of Object.entries(names)) expect(snifferSpelling(name), name).toBe(known)
})
