/**
 * Other names of a type that the sniffer knows by one: the same bytes, so the sniffer's name is stored.
 */
const aliases: Readonly<Record<string, string>> = {
  'application/font-woff': 'font/woff',
  'application/vnd.rar': 'application/x-rar-compressed',
  'application/vnd.sqlite3': 'application/x-sqlite3',
  'application/x-font-otf': 'font/otf',
  'application/x-font-ttf': 'font/ttf',
  'application/x-gzip': 'application/gzip',
  'application/x-pdf': 'application/pdf',
  'application/x-rar': 'application/x-rar-compressed',
  'application/x-zip-compressed': 'application/zip',
  'audio/m4a': 'audio/x-m4a',
  'audio/mp3': 'audio/mpeg',
  'audio/vnd.wave': 'audio/wav',
  'audio/wave': 'audio/wav',
  'audio/x-aac': 'audio/aac',
  'audio/x-aiff': 'audio/aiff',
  'audio/x-flac': 'audio/flac',
  'audio/x-midi': 'audio/midi',
  'audio/x-mp3': 'audio/mpeg',
  'audio/x-wav': 'audio/wav',
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/vnd.microsoft.icon': 'image/x-icon',
  'image/vnd.mozilla.apng': 'image/apng',
  'image/x-bmp': 'image/bmp',
  'image/x-ms-bmp': 'image/bmp',
  'image/x-png': 'image/png',
  'text/xml': 'application/xml',
  'video/avi': 'video/vnd.avi',
  'video/x-matroska': 'video/matroska',
  'video/x-msvideo': 'video/vnd.avi',
}

const words = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const slides = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'
const sheets = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/**
 * What else the bytes may honestly be when the sniffer calls them this: it sees the container, or the first bytes
 * only, and the declared type knows more. Going by what each type is, not by what is convenient: video/quicktime
 * declared as video/mp4 is not here, for a file that calls itself QuickTime is not an MP4.
 */
const refinements: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  // An APNG is a PNG, and its mark may lie behind a colour profile that is longer than the head.
  'image/apng': ['image/png'],
  'image/png': ['image/apng'],
  // HEIC and AVIF may name the general format first.
  'image/heic': ['image/heif'],
  'image/heif': ['image/heic', 'image/avif'],
  'image/heic-sequence': ['image/heic', 'image/heif', 'image/heif-sequence'],
  'image/heif-sequence': ['image/heic', 'image/heif', 'image/heic-sequence', 'image/avif'],
  'image/tiff': ['image/x-adobe-dng', 'image/x-canon-cr2', 'image/x-nikon-nef', 'image/x-sony-arw'],
  // A container says nothing of whether a picture is in it.
  'video/mp4': ['audio/mp4', 'audio/x-m4a', 'video/x-m4v', 'application/mp4'],
  'video/x-m4v': ['video/mp4'],
  'audio/mp4': ['audio/x-m4a'],
  'audio/x-m4a': ['audio/mp4'],
  'video/3gpp': ['audio/3gpp'],
  'video/3gpp2': ['audio/3gpp2'],
  'video/webm': ['audio/webm'],
  'video/matroska': ['audio/x-matroska', 'audio/matroska'],
  'audio/ogg': ['audio/opus', 'audio/vorbis', 'video/ogg', 'application/ogg'],
  'video/ogg': ['application/ogg'],
  'application/ogg': ['audio/ogg', 'audio/opus', 'video/ogg'],
  'video/mp1s': ['video/mpeg'],
  'video/mp2p': ['video/mpeg'],
  'application/vnd.ms-asf': ['video/x-ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma'],
  'video/x-ms-asf': ['video/x-ms-wmv'],
  'audio/x-ms-asf': ['audio/x-ms-wma'],
  'application/gzip': ['application/x-tgz', 'application/x-compressed-tar', /\+gzip$/],
  'application/xml': [/\+xml$/],
  // The parts that tell one from another often come after the head.
  'application/zip': [
    /\+zip$/,
    /^application\/vnd\.openxmlformats-officedocument\./,
    /^application\/vnd\.oasis\.opendocument\./,
    /^application\/vnd\.ms-(?:word|excel|powerpoint)\.[a-z.]+\.macroenabled\.12$/,
    /^application\/vnd\.apple\.(?:keynote|numbers|pages)$/,
    'application/java-archive',
    'application/vnd.android.package-archive',
    'application/vnd.google-earth.kmz',
    'application/vnd.visio',
    'application/x-xpinstall',
    'model/3mf',
  ],
  [words]: [
    'application/vnd.openxmlformats-officedocument.wordprocessingml.template',
    /^application\/vnd\.ms-word\.[a-z.]+\.macroenabled\.12$/,
  ],
  [slides]: [
    'application/vnd.openxmlformats-officedocument.presentationml.slideshow',
    'application/vnd.openxmlformats-officedocument.presentationml.template',
    /^application\/vnd\.ms-powerpoint\.[a-z.]+\.macroenabled\.12$/,
  ],
  [sheets]: [
    'application/vnd.openxmlformats-officedocument.spreadsheetml.template',
    /^application\/vnd\.ms-excel\.[a-z.]+\.macroenabled\.12$/,
  ],
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

// A Map, so that a type named `constructor/…` or the like meets no inherited property.
const spellings = new Map(Object.entries(aliases))
const neighbours = new Map(Object.entries(refinements))

/** The name by which the sniffer calls the type. Both `mimeType` and the result are as `parseMimeType` gives them. */
export function snifferSpelling(mimeType: string): string {
  return spellings.get(mimeType) ?? mimeType
}

/** Whether bytes that sniff as `sniffed` may honestly be declared as `declared`, in the sniffer's spelling. */
export function refines(declared: string, sniffed: string): boolean {
  return neighbours.get(sniffed)?.some((known) => isThat(known, declared)) ?? false
}

/** What bytes of the type may sniff as, besides itself. */
export function sniffedInstead(declared: string): string[] {
  return [...neighbours].filter(([, known]) => known.some((one) => isThat(one, declared))).map(([sniffed]) => sniffed)
}

function isThat(known: string | RegExp, type: string): boolean {
  return typeof known === 'string' ? known === type : known.test(type)
}
