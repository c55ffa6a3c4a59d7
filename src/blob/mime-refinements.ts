import { octetStream } from './mime.ts'
import { snifferSpelling } from './mime-aliases.ts'
import { hasMark } from './sniff/marked-types.ts'
import { isTextType } from './sniff/text-types.ts'

export { snifferSpelling }

const words = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
const slides = 'application/vnd.openxmlformats-officedocument.presentationml.presentation'
const sheets = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/**
 * Which other types bytes of a sniffed type may correctly be declared as: the sniffer sees only the container, or the
 * first bytes, and the declared type knows more. The table follows what each type is, not what is convenient:
 * video/quicktime declared as video/mp4 is not here, because a file that calls itself QuickTime is not an MP4.
 */
const refinements: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  // An APNG is a PNG, and its mark may be after a colour profile that is longer than the head.
  'image/apng': ['image/png'],
  'image/png': ['image/apng'],
  'image/jpeg': ['image/mpo', 'image/x-jps'],
  // HEIC and AVIF may name the general format first.
  'image/heic': ['image/heif'],
  'image/heif': ['image/heic', 'image/avif'],
  'image/heic-sequence': ['image/heic', 'image/heif', 'image/heif-sequence'],
  'image/heif-sequence': ['image/heic', 'image/heif', 'image/heic-sequence', 'image/avif'],
  'image/avif': ['image/heif', 'image/heif-sequence'],
  'image/avci': ['image/heif'],
  'image/avcs': ['image/heif', 'image/heif-sequence'],
  'image/hej2k': ['image/heif'],
  'image/tiff': ['image/x-adobe-dng', 'image/x-canon-cr2', 'image/x-nikon-nef', 'image/x-sony-arw'],
  // A container does not show whether it contains pictures.
  'video/mp4': [
    ...['audio/mp4', 'audio/x-m4a', 'audio/x-m4p', 'audio/iso.segment', 'audio/vnd.audible.aax', 'application/mp4'],
    ...['video/x-m4v', 'video/x-f4v', 'video/iso.segment', /^(?:audio|video)\/vnd\.dece\.[a-z]+$/],
  ],
  'video/x-m4v': ['video/mp4'],
  'audio/mp4': ['audio/x-m4a', 'audio/x-m4p', 'audio/vnd.audible.aax'],
  'audio/x-m4a': ['audio/mp4', 'audio/x-m4p'],
  'video/3gpp': ['audio/3gpp'],
  'video/3gpp2': ['audio/3gpp2'],
  'video/webm': ['audio/webm'],
  'video/matroska': ['audio/matroska', 'video/matroska-3d', 'video/x-matroska-3d'],
  'audio/ogg': ['audio/opus', 'audio/speex', 'audio/vorbis', 'video/ogg', 'application/ogg'],
  'video/ogg': ['application/ogg'],
  'application/ogg': ['audio/ogg', 'audio/opus', 'audio/speex', 'audio/vorbis', 'video/ogg'],
  'audio/amr': ['audio/amr-wb', 'audio/amr-wb+'],
  'audio/vnd.dolby.dd-raw': ['audio/eac3'],
  'video/vnd.avi': ['video/divx', 'video/x-divx'],
  'video/mp1s': ['video/mpeg'],
  'video/mp2p': ['video/mpeg', 'video/x-ms-vob'],
  'application/vnd.ms-asf': ['video/x-ms-asf', 'video/x-ms-wmv', 'audio/x-ms-wma'],
  'video/x-ms-asf': ['video/x-ms-wmv'],
  'audio/x-ms-asf': ['audio/x-ms-wma'],
  'application/gzip': ['application/x-tgz', 'application/x-compressed-tar', 'application/x-blender', /\+gzip$/],
  'application/zstd': ['application/x-blender', /\+zstd$/],
  'application/x-sqlite3': [/\+sqlite3$/],
  'application/xml': ['application/vnd.visio', /\+xml$/],
  // Encapsulated PostScript is PostScript, and Illustrator files are either PostScript or PDF.
  'application/eps': ['application/postscript', 'application/illustrator', 'application/vnd.adobe.illustrator'],
  'application/postscript': [
    ...['application/eps', 'application/illustrator', 'application/vnd.adobe.illustrator', 'application/x-font-type1'],
  ],
  'application/pdf': ['application/illustrator', 'application/vnd.adobe.illustrator'],
  'application/vnd.tcpdump.pcap': ['application/x-pcapng'],
  'application/x-elf': [/^application\/x-(?:coredump|executable|object|pie-executable|sharedlib)$/],
  'application/x-mobipocket-ebook': [/^application\/vnd\.amazon\.(?:mobi8-)?ebook$/, 'application/x-mobi8-ebook'],
  // The container of fonts; OpenType has both kinds of outlines.
  'font/ttf': ['font/sfnt', 'font/otf'],
  'font/otf': ['font/sfnt'],
  'font/collection': ['font/sfnt'],
  'model/stl': ['application/sla', 'application/vnd.ms-pki.stl', 'model/x.stl-ascii'],
  // The parts that distinguish them often come after the head.
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
    'image/openraster',
    'model/3mf',
  ],
  // Other archives contain a manifest too, and what distinguishes spreadsheets and slides may be after the head.
  'application/java-archive': ['application/vnd.android.package-archive', 'application/x-xpinstall'],
  'application/vnd.apple.pages': ['application/vnd.apple.keynote', 'application/vnd.apple.numbers'],
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
    'application/x-msdownload', // installers
    'application/x-msi',
    'image/vnd.fpx',
  ],
}

/**
 * Container formats that more types use than a table can name: a type without a mark of its own that is not text may be
 * one of them. Listed with the kind of types that may be inside.
 */
const containers: Readonly<Record<string, RegExp>> = {
  ...each(
    [
      'application/gzip application/java-archive application/lzip application/ogg application/vnd.apple.pages',
      'application/x-bzip2 application/x-cfb application/x-compress application/x-lz4 application/x-sqlite3',
      'application/x-tar application/x-unix-archive application/x-xz application/xml application/zip application/zstd',
      'audio/mp4 audio/ogg video/matroska video/mp4 video/ogg video/quicktime video/webm',
    ],
    /^(?:application|model)\//,
  ),
  'image/tiff': /^image\//, // raw pictures of cameras
}

function each(names: readonly string[], sort: RegExp): Record<string, RegExp> {
  return Object.fromEntries(names.flatMap((line) => line.split(' ').map((name) => [name, sort])))
}

// Maps, so that a type such as `constructor/…` finds no inherited property.
const neighbours = new Map(Object.entries(refinements))
const contents = new Map(Object.entries(containers))

/** Whether bytes that sniff as `sniffed` may correctly be declared as `declared`, in the sniffer's spelling. */
export function refines(declared: string, sniffed: string): boolean {
  if (neighbours.get(sniffed)?.some((known) => isThat(known, declared))) return true
  return contents.get(sniffed)?.test(declared) === true && isUnmarked(declared)
}

/**
 * Whether files of the type have no mark that the sniffer knows, and are not text either: then the bytes prove nothing.
 */
export function isUnmarked(mimeType: string): boolean {
  return mimeType !== octetStream && !hasMark(mimeType) && !isTextType(mimeType)
}

/** The other types, by the table, that bytes of the type may sniff as. */
export function sniffedInstead(declared: string): string[] {
  return [...neighbours].filter(([, known]) => known.some((one) => isThat(one, declared))).map(([sniffed]) => sniffed)
}

function isThat(known: string | RegExp, type: string): boolean {
  return typeof known === 'string' ? known === type : known.test(type)
}
